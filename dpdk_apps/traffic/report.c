#include "report.h"

#include <errno.h>
#include <string.h>

#include "clock.h"
#include "port_report.h"
#include "stats.h"

static void
write_queue(struct stats *s, const struct link *l, const struct lane *lane)
{
	struct named_count drops[LINK_DROPS];
	char mac[RTE_ETHER_ADDR_FMT_SIZE];
	unsigned int n = 0;

	/* The first value of frame_error says that nothing was wrong. */
	for (int reason = FRAME_OK + 1; reason < LINK_DROPS; reason++)
		drops[n++] = (struct named_count){
				link_drop_name((enum link_drop)reason), lane->drops[reason]};
	report_queue_begin(s, &l->ports[lane->port_index], lane->queue, &lane->counts);
	rte_ether_format_addr(mac, sizeof(mac), &l->ends[lane->port_index].dst_mac);
	stats_string(s, "peer_mac", mac);
	stats_count(s, "tx_full", lane->tx_full);
	report_reasons(s, "drops", drops, n);
	stats_object_end(s);
}

static void
write_fields(struct stats *s, const struct measurement *m, double ticks_per_s)
{
	const struct link *l = m->link;

	stats_number(s, "ticks_per_s", ticks_per_s);
	meter_stats(m->meter, &m->line->generator,
			(double)(m->window_end - m->window_begin) / ticks_per_s, s);
	stats_string(s, "spread", m->line->spread == SPREAD_DRIVER ? "driver" : "toeplitz");
	stats_count(s, "pool_empty", l->pool_empty);
	stats_string(s, "ended", m->ended);
	stats_count(s, "unsent", m->unsent);
	stats_array_begin(s, "queues");
	for (uint16_t i = 0; i < l->lane_count; i++)
		write_queue(s, l, &l->lanes[i]);
	stats_array_end(s);
	stats_threads(s);
}

int
report_write(const struct measurement *m, double ticks_per_s)
{
	const struct generator_options *o = &m->line->generator;
	struct stats *s = stats_open(o->stats, "traffic", "generator");
	int result = 0;

	/* One of them may fail, as on a full disk: the other is still worth having. */
	if (s != NULL)
		write_fields(s, m, ticks_per_s);
	if (s == NULL || stats_close(s) != 0) {
		complain("cannot write --stats %s: %s", o->stats, strerror(errno));
		result = -1;
	}
	if (recorder_write(m->meter->recorder, o->samples, ticks_per_s) != 0) {
		complain("cannot write --samples %s: %s", o->samples, strerror(errno));
		result = -1;
	}
	return result;
}
