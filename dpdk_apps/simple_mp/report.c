#include "report.h"

#include <errno.h>
#include <string.h>

#include <rte_memzone.h>

#include "port_report.h"
#include "stats.h"

struct traffic_counts {
	uint64_t rx_packets;
	uint64_t tx_packets;
	uint64_t rx_bytes;
	uint64_t tx_bytes;
};

/* The two rings are this process's one queue. */
static void
write_queue(struct stats *s, const struct space *space, const struct traffic_counts *counts,
		const struct named_count *drops, unsigned int n)
{
	stats_array_begin(s, "queues");
	stats_object_begin(s, NULL);
	stats_count(s, "port", 0);
	stats_count(s, "queue", 0);
	stats_string(s, "driver", space_mode_name(space));
	stats_count(s, "rx_packets", counts->rx_packets);
	stats_count(s, "tx_packets", counts->tx_packets);
	stats_count(s, "rx_bytes", counts->rx_bytes);
	stats_count(s, "tx_bytes", counts->tx_bytes);
	report_reasons(s, "drops", drops, n);
	stats_object_end(s);
	stats_array_end(s);
}

static void
write_memzone(const struct rte_memzone *zone, void *stats)
{
	stats_string(stats, NULL, zone->name);
}

/* The names of all memory that the group shares: those of two rings, and those of a mempool, which
 * DPDK makes of several. */
static void
write_memzones(struct stats *s)
{
	stats_array_begin(s, "memzones");
	rte_memzone_walk(write_memzone, s);
	stats_array_end(s);
}

static void
write_secondaries(struct stats *s, const struct exchange *x)
{
	stats_array_begin(s, "secondaries");
	for (uint32_t place = 1; place <= x->space->record->secondaries; place++) {
		stats_object_begin(s, NULL);
		stats_count(s, "proc_id", place);
		stats_count(s, "returned", x->by_place[place]);
		stats_flag(s, "killed", x->wards.dead[place]);
		stats_object_end(s);
	}
	stats_array_end(s);
}

static int
close_stats(struct stats *s, const char *path)
{
	if (s != NULL && stats_close(s) == 0)
		return 0;
	complain("cannot write --stats %s: %s", path, strerror(errno));
	return -1;
}

int
report_primary(const struct primary_report *r)
{
	const struct exchange *x = r->exchange;
	const struct generator_options *o = &r->line->generator;
	struct stats *s = stats_open(o->stats, "simple_mp", "generator");
	struct traffic_counts counts = {
			.rx_packets = x->received,
			.tx_packets = x->sent,
			.rx_bytes = x->received * o->size,
			.tx_bytes = x->sent * o->size,
	};
	struct named_count drops[] = {{"refused_message", x->refused}};
	/* Nothing is out without a death; if it is, nothing explains it. */
	struct named_count explained[] = {
			{"killed", x->wards.deaths > 0 && x->wards.stuck == NULL ? r->out : 0},
			{"ring_stuck", x->wards.stuck != NULL ? r->out : 0},
	};

	if (s != NULL) {
		stats_number(s, "ticks_per_s", r->ticks_per_s);
		stats_string(s, "proc_type", "primary");
		stats_string(s, "ended", r->ended);
		stats_string(s, "ring_stuck", x->wards.stuck != NULL ? x->wards.stuck : "");
		stats_count(s, "deaths", x->wards.deaths);
		meter_stats(x->meter, o, window_length_s(&x->window, r->ticks_per_s), s);
		stats_count(s, "unsent", x->window.unsent);
		stats_count(s, "pool_empty", x->pool_empty);
		stats_count(s, "oneway_backwards", recorder_backwards(x->oneway));
		write_queue(s, x->space, &counts, drops, 1);
		meter_books(x->meter, x->received, meter_taken(x->meter), x->sent, s);
		report_pool(s, x->space->pool, r->pool_in_use, explained, 2);
		write_secondaries(s, x);
		write_memzones(s);
		stats_threads(s);
	}
	return close_stats(s, o->stats);
}

int
report_secondary(const struct command_line *c, const struct echo *e, enum echo_ending ending,
		double ticks_per_s)
{
	static const char *const names[] = {
			[ECHO_BY_SIGNAL] = "signal",
			[ECHO_PRIMARY_ENDED] = "primary ended",
			[ECHO_PRIMARY_DIED] = "primary died",
	};
	struct stats *s = stats_open(c->generator.stats, "simple_mp", "sut");
	struct traffic_counts counts = {
			.rx_packets = e->received,
			.tx_packets = e->returned,
			.rx_bytes = e->rx_bytes,
			.tx_bytes = e->tx_bytes,
	};
	struct named_count drops[] = {{"ring_full", e->received - e->returned}};

	if (s != NULL) {
		stats_number(s, "ticks_per_s", ticks_per_s);
		stats_string(s, "proc_type", "secondary");
		stats_count(s, "proc_id", c->proc_id);
		stats_string(s, "idle", c->generator.idle == IDLE_YIELD ? "yield" : "spin");
		stats_string(s, "ended", names[ending]);
		stats_count(s, "corrupt", e->corrupt);
		stats_count(s, "texts", e->texts);
		write_queue(s, e->space, &counts, drops, 1);
		report_accounting(s, e->received, e->returned, e->received - e->returned);
		stats_threads(s);
	}
	return close_stats(s, c->generator.stats);
}

static int
write_samples(const struct recorder *r, const char *option, const char *path, double ticks_per_s)
{
	if (recorder_write(r, path, ticks_per_s) == 0)
		return 0;
	complain("cannot write %s %s: %s", option, path, strerror(errno));
	return -1;
}

int
report_samples(const struct command_line *c, const struct exchange *x, double ticks_per_s)
{
	int both = write_samples(
			x->meter->recorder, "--samples", c->generator.samples, ticks_per_s);
	int oneway = write_samples(x->oneway, "--oneway-samples", c->oneway, ticks_per_s);

	return both == 0 && oneway == 0 ? 0 : -1;
}
