#include "connections.h"
#include "stats.h"

/* Sums what the kernel says of all connections; zeros where they are no TCP. */
static struct tcp_facts
facts_of(const struct connections *c)
{
	struct tcp_facts facts = {0};

	for (uint32_t i = 0; i < c->count; i++)
		(void)tcp_facts_add(&facts, c->all[i].fd);
	return facts;
}

/* Messages that began to leave, whatever became of them. */
static uint64_t
messages_sent(const struct connections *c)
{
	uint64_t sent = c->tx_messages / connections_units(c) + c->cut_off;

	for (uint32_t i = 0; i < c->count; i++)
		if (c->all[i].out_at < c->all[i].out_end)
			sent++;
	return sent;
}

/* Bytes that came and are no whole message: beginnings of some, and what is no stream of them. */
static uint64_t
unfinished_bytes(const struct connections *c)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < c->count; i++)
		bytes += c->all[i].in_end;
	return bytes;
}

static void
write_queue(struct stats *s, const struct connections *c)
{
	stats_array_begin(s, "queues");
	stats_object_begin(s, NULL);
	stats_count(s, "port", 0);
	stats_count(s, "queue", 0);
	stats_string(s, "driver", c->driver);
	stats_count(s, "rx_packets", c->rx_messages);
	stats_count(s, "tx_packets", c->tx_messages);
	stats_count(s, "rx_bytes", c->rx_bytes);
	stats_count(s, "tx_bytes", c->tx_bytes);
	stats_object_begin(s, "drops");
	stats_object_end(s);
	stats_object_end(s);
	stats_array_end(s);
}

static void
write_tcp(struct stats *s, const struct connections *c)
{
	struct tcp_facts facts = facts_of(c);

	stats_object_begin(s, "tcp");
	stats_count(s, "retransmits", facts.retransmits);
	stats_count(s, "mss", facts.mss);
	stats_string(s, "congestion", facts.congestion);
	stats_count(s, "send_full", c->send_full);
	stats_object_end(s);
}

static void
write_stream(struct stats *s, const struct connections *c)
{
	stats_object_begin(s, "stream");
	stats_count(s, "whole", c->whole_bytes);
	stats_count(s, "unfinished", unfinished_bytes(c));
	stats_object_end(s);
}

void
connections_report(
		struct stats *s, const struct connections *c, const struct meter *m, uint64_t taken)
{
	write_queue(s, c);
	write_tcp(s, c);
	write_stream(s, c);
	meter_books(m, c->rx_messages, taken, messages_sent(c), s);
}
