#include "client_report.h"

#include <errno.h>
#include <string.h>

#include "port_report.h"
#include "stats.h"

/* What this process did with one port. */
static struct lane_counts
own_part(const struct client_report *r, uint16_t index)
{
	struct lane_counts lane = r->client->board->own->lanes[index];
	const struct lane_counts *before = &r->before->lanes[index];

	lane.queue.rx_packets -= before->queue.rx_packets;
	lane.queue.rx_bytes -= before->queue.rx_bytes;
	lane.queue.tx_packets -= before->queue.tx_packets;
	lane.queue.tx_bytes -= before->queue.tx_bytes;
	for (int reason = 0; reason < CLIENT_DROPS; reason++)
		lane.drops[reason] -= before->drops[reason];
	return lane;
}

static void
write_queues(struct stats *s, const struct client_report *r)
{
	const struct arrangement *a = r->client->board->arrangement;
	uint64_t in = 0, out = 0, dropped = 0;

	stats_array_begin(s, "queues");
	for (uint16_t i = 0; i < a->port_count; i++) {
		struct lane_counts lane = own_part(r, i);
		/* Nothing is received from the port itself. */
		struct queue_counts queue = {
				.tx_packets = lane.queue.tx_packets,
				.tx_bytes = lane.queue.tx_bytes,
		};
		struct named_count drops[CLIENT_DROPS];

		for (int reason = 0; reason < CLIENT_DROPS; reason++) {
			drops[reason] = (struct named_count){
					client_drop_name((enum client_drop)reason),
					lane.drops[reason]};
			dropped += lane.drops[reason];
		}
		in += lane.queue.rx_packets;
		out += lane.queue.tx_packets;
		report_queue_begin(s, &a->ports[i], r->client->id, &queue);
		stats_count(s, "ring_packets", lane.queue.rx_packets);
		stats_count(s, "ring_bytes", lane.queue.rx_bytes);
		report_reasons(s, "drops", drops, CLIENT_DROPS);
		stats_object_end(s);
	}
	stats_array_end(s);
	report_accounting(s, in, out, dropped);
}

int
client_report_write(const struct client_report *r)
{
	struct stats *s = stats_open(r->options->stats, "mp_client", "sut");

	if (s != NULL) {
		stats_number(s, "ticks_per_s", r->ticks_per_s);
		stats_count(s, "client_id", r->client->id);
		stats_count(s, "num_clients", r->client->board->arrangement->num_clients);
		stats_string(s, "proc_type", "secondary");
		stats_count(s, "drain_us", r->options->drain_us);
		stats_count(s, "sleep_us", r->options->sleep_us);
		stats_string(s, "idle", r->options->idle == IDLE_YIELD ? "yield" : "spin");
		stats_string(s, "ended", r->ending == ENDED_BY_SIGNAL ? "signal" : "primary died");
		if (r->options->cycles)
			stats_count(s, "busy_ticks", r->client->busy_ticks);
		write_queues(s, r);
		stats_threads(s);
		if (stats_close(s) == 0)
			return 0;
	}
	complain("cannot write --stats %s: %s", r->options->stats, strerror(errno));
	return -1;
}
