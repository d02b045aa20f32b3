#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "stats.h"

static void
write_queues(struct stats *s, const struct report *r)
{
	stats_array_begin(s, "queues");
	for (uint16_t i = 0; i < r->forwarder->lane_count; i++) {
		const struct lane *lane = &r->forwarder->lanes[i];
		char mac[RTE_ETHER_ADDR_FMT_SIZE];

		rte_ether_format_addr(mac, sizeof(mac), &lane->mac);
		stats_object_begin(s, NULL);
		stats_count(s, "port", lane->port);
		stats_count(s, "queue", r->forwarder->queue);
		stats_string(s, "driver", r->group->ports[i].driver);
		stats_string(s, "mac", mac);
		stats_flag(s, "device_spreads", r->group->ports[i].spreads);
		stats_count(s, "rx_packets", lane->rx_packets);
		stats_count(s, "tx_packets", lane->tx_packets);
		stats_count(s, "rx_bytes", lane->rx_bytes);
		stats_count(s, "tx_bytes", lane->tx_bytes);
		stats_object_begin(s, "drops");
		for (int reason = 0; reason < DROPS; reason++)
			stats_count(s, drop_name((enum drop)reason), lane->drops[reason]);
		stats_object_end(s);
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
		in += f->lanes[i].rx_packets;
		out += f->lanes[i].tx_packets;
		for (int reason = 0; reason < DROPS; reason++)
			drops += f->lanes[i].drops[reason];
	}
	stats_object_begin(s, "accounting");
	stats_count(s, "in", in);
	stats_count(s, "out", out);
	stats_count(s, "drops", drops);
	stats_object_end(s);
}

static void
write_driver(struct stats *s, const struct report *r)
{
	stats_array_begin(s, "driver_stats");
	for (uint16_t i = 0; i < r->group->port_count; i++) {
		const struct rte_eth_stats *d = &r->driver[i];

		stats_object_begin(s, NULL);
		stats_count(s, "port", r->group->ports[i].port);
		stats_count(s, "ipackets", d->ipackets);
		stats_count(s, "opackets", d->opackets);
		stats_count(s, "imissed", d->imissed);
		stats_count(s, "ierrors", d->ierrors);
		stats_count(s, "oerrors", d->oerrors);
		stats_count(s, "rx_nombuf", d->rx_nombuf);
		stats_object_end(s);
	}
	stats_array_end(s);
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
		write_queues(s, r);
		write_accounting(s, r->forwarder);
		stats_object_begin(s, "pool");
		stats_count(s, "size", r->pool_size);
		stats_count(s, "in_use_at_end", r->pool_in_use);
		stats_object_end(s);
		if (r->driver != NULL)
			write_driver(s, r);
		stats_threads(s);
		if (stats_close(s) == 0)
			return 0;
	}
	complain("cannot write --stats %s: %s", r->options->stats, strerror(errno));
	return -1;
}
