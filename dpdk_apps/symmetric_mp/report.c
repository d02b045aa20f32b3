#include "report.h"

#include <errno.h>
#include <string.h>

#include "port_report.h"
#include "stats.h"

static void
write_queues(struct stats *s, const struct report *r)
{
	stats_array_begin(s, "queues");
	for (uint16_t i = 0; i < r->forwarder->lane_count; i++) {
		const struct lane *lane = &r->forwarder->lanes[i];
		struct named_count drops[DROPS];

		for (int reason = 0; reason < DROPS; reason++)
			drops[reason] = (struct named_count){
					drop_name((enum drop)reason), lane->drops[reason]};
		report_queue_begin(s, &r->group->ports[i], r->forwarder->queue, &lane->counts);
		stats_flag(s, "device_spreads", r->group->ports[i].spreads);
		report_reasons(s, "drops", drops, DROPS);
		stats_object_end(s);
	}
	stats_array_end(s);
}

static void
write_accounting(struct stats *s, const struct forwarder *f)
{
	uint64_t in = 0;
	uint64_t out = 0;
	uint64_t drops = 0;

	for (uint16_t i = 0; i < f->lane_count; i++) {
		in += f->lanes[i].counts.rx_packets;
		out += f->lanes[i].counts.tx_packets;
		for (int reason = 0; reason < DROPS; reason++)
			drops += f->lanes[i].drops[reason];
	}
	report_accounting(s, in, out, drops);
}

static bool
driver_keeps_buffers(const struct group *g)
{
	for (uint16_t i = 0; i < g->port_count; i++)
		if (strcmp(g->ports[i].driver, "net_af_xdp") == 0)
			return true;
	return false;
}

static bool
somebody_was_killed(const struct group *g)
{
	for (uint16_t i = 0; i < g->num_procs; i++)
		if (roster_died(&g->roster, i))
			return true;
	return false;
}

/* Buffers that are not back: a killed process cannot give back its own, and net_af_xdp keeps those
 * of its fill queue when its port is closed; those of a burst that was cut off are nobody's. */
static void
write_pool(struct stats *s, const struct report *r)
{
	struct named_count explained[] = {
			{"killed", somebody_was_killed(r->group) ? r->pool_in_use : 0},
			{"driver", 0},
			{"cut_off", 0},
	};

	if (explained[0].count == 0 && r->forwarder->guard.faults > 0)
		explained[2].count = r->pool_in_use;
	else if (explained[0].count == 0 && driver_keeps_buffers(r->group))
		explained[1].count = r->pool_in_use;
	report_pool(s, r->pool, r->pool_in_use, explained, RTE_DIM(explained));
}

int
report_write(const struct report *r)
{
	struct stats *s = stats_open(r->options->stats, "symmetric_mp", "sut");

	if (s != NULL) {
		stats_number(s, "ticks_per_s", r->ticks_per_s);
		stats_count(s, "proc_id", r->options->proc_id);
		stats_count(s, "num_procs", r->options->num_procs);
		stats_string(s, "proc_type", r->primary ? "primary" : "secondary");
		stats_string(s, "idle", r->options->idle == IDLE_YIELD ? "yield" : "spin");
		stats_string(s, "ended", r->ending == ENDED_BY_SIGNAL ? "signal" : "primary died");
		if (r->forwarder->counts_cycles)
			stats_count(s, "busy_ticks", r->forwarder->busy_ticks);
		write_queues(s, r);
		write_accounting(s, r->forwarder);
		write_pool(s, r);
		if (r->driver != NULL)
			report_driver_stats(s, r->group->ports, r->group->port_count, r->driver);
		stats_threads(s);
		if (stats_close(s) == 0)
			return 0;
	}
	complain("cannot write --stats %s: %s", r->options->stats, strerror(errno));
	return -1;
}
