#include "report.h"

#include <errno.h>
#include <string.h>

#include "stats.h"

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
	struct tcp_facts facts = connections_facts(c);

	stats_object_begin(s, "tcp");
	stats_count(s, "retransmits", facts.retransmits);
	stats_count(s, "mss", facts.mss);
	stats_string(s, "congestion", facts.congestion);
	stats_count(s, "send_full", c->send_full);
	stats_object_end(s);
}

int
report_write(const struct generator_options *o, enum tcp_mode mode, const struct connections *c,
		const struct meter *m, const struct loop_result *result, double ticks_per_s)
{
	struct stats *s = stats_open(o->stats, "tcp_traffic", "generator");
	int failed = 0;

	if (s != NULL) {
		stats_number(s, "ticks_per_s", ticks_per_s);
		stats_string(s, "mode", mode == TCP_BLOCK ? "block" : "poll");
		stats_string(s, "ended", loop_end_names[result->end]);
		meter_stats(m, o, result->window_s, s);
		stats_count(s, "unsent", result->unsent);
		write_queue(s, c);
		write_tcp(s, c);
		stats_threads(s);
	}
	if (s == NULL || stats_close(s) != 0) {
		complain("cannot write %s: %s", o->stats, strerror(errno));
		failed = -1;
	}
	if (recorder_write(m->recorder, o->samples, ticks_per_s) != 0) {
		complain("cannot write %s: %s", o->samples, strerror(errno));
		failed = -1;
	}
	return failed;
}
