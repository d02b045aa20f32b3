#include "server_report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "port_report.h"
#include "stats.h"

enum reason { RING_FULL, BULK_REFUSED, LEFT_IN_RING, REASONS };

/* Adds what was not handed to one client. */
static void
add_drops(struct named_count drops[REASONS], const struct offer_counts *c, uint64_t left)
{
	drops[RING_FULL].count += c->ring_full;
	drops[BULK_REFUSED].count += c->bulk_refused;
	drops[LEFT_IN_RING].count += left;
}

#define NO_DROPS                                                                                   \
	{                                                                                          \
		{"ring_full", 0}, {"bulk_refused", 0},                                             \
		{                                                                                  \
			"left_in_ring", 0                                                          \
		}                                                                                  \
	}

static void
write_members(struct stats *s, const struct server *server)
{
	stats_array_begin(s, "members");
	for (uint16_t i = 0; i < server->dispatcher.num_clients; i++) {
		const struct offer_counts *c = &server->board->offers[i];
		uint64_t left = server->outboxes[i].left_in_ring;
		struct named_count drops[REASONS] = NO_DROPS;
		char name[16];

		(void)snprintf(name, sizeof(name), "client%u", i);
		add_drops(drops, c, left);
		stats_object_begin(s, NULL);
		stats_string(s, "name", name);
		stats_count(s, "in", c->offered);
		stats_count(s, "out", c->enqueued - left);
		report_reasons(s, "drops", drops, REASONS);
		stats_count(s, "kills",
				server->board->counts[i].kills +
						roster_died(server->board->clients, i));
		stats_object_end(s);
	}
	stats_array_end(s);
}

static void
write_queues(struct stats *s, const struct server *server)
{
	const struct arrangement *a = server->board->arrangement;

	stats_array_begin(s, "queues");
	for (uint16_t i = 0; i < a->port_count; i++) {
		struct queue_counts counts = {
				.rx_packets = server->board->rx[i].packets,
				.rx_bytes = server->board->rx[i].bytes,
		};

		report_queue_begin(s, &a->ports[i], 0, &counts);
		stats_count(s, "rx_queues", a->ports[i].queues);
		stats_object_end(s);
	}
	stats_array_end(s);
}

/* In: received from the ports. Out: taken by clients from their rings. */
static void
write_accounting(struct stats *s, const struct server *server)
{
	struct named_count drops[REASONS] = NO_DROPS;
	uint64_t in = 0, out = 0, dropped = 0;

	for (uint16_t i = 0; i < server->board->arrangement->port_count; i++)
		in += server->board->rx[i].packets;
	for (uint16_t i = 0; i < server->dispatcher.num_clients; i++) {
		add_drops(drops, &server->board->offers[i], server->outboxes[i].left_in_ring);
		out += server->board->offers[i].enqueued - server->outboxes[i].left_in_ring;
	}
	for (int reason = 0; reason < REASONS; reason++)
		dropped += drops[reason].count;
	report_accounting_reasons(s, in, out, dropped, drops, REASONS);
}

/* What killed clients took with them explains so much, if the counts say about the same. */
static uint64_t
explained_by_kills(const struct server_report *r)
{
	const struct killed_buffers *k = &r->killed;
	bool close = r->pool_in_use <= k->expected + k->slack &&
		     k->expected <= r->pool_in_use + k->slack;

	return close ? r->pool_in_use : k->expected;
}

int
server_report_write(const struct server_report *r)
{
	struct stats *s = stats_open(r->options->stats, "mp_server", "sut");
	struct named_count explained[] = {
			{"killed", explained_by_kills(r)},
			{"cut_off", 0},
	};

	if (r->server->guard.faults > 0 && r->pool_in_use > explained[0].count)
		explained[1].count = r->pool_in_use - explained[0].count;

	if (s != NULL) {
		stats_number(s, "ticks_per_s", r->ticks_per_s);
		stats_count(s, "num_clients", r->options->num_clients);
		stats_string(s, "proc_type", "primary");
		stats_string(s, "dispatch", dispatch_name(r->options->dispatch));
		stats_count(s, "ring_size", r->options->ring_size);
		stats_string(s, "idle", r->options->idle == IDLE_YIELD ? "yield" : "spin");
		stats_string(s, "ended", "signal");
		if (r->options->cycles)
			stats_count(s, "busy_ticks", r->server->busy_ticks);
		write_queues(s, r->server);
		write_accounting(s, r->server);
		write_members(s, r->server);
		report_pool(s, r->server->pool, r->pool_in_use, explained, RTE_DIM(explained));
		report_driver_stats(s, r->server->board->arrangement->ports,
				r->server->board->arrangement->port_count, r->driver);
		stats_threads(s);
		if (stats_close(s) == 0)
			return 0;
	}
	complain("cannot write --stats %s: %s", r->options->stats, strerror(errno));
	return -1;
}
