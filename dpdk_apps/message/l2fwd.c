#include "l2fwd.h"

#include <rte_malloc.h>
#include <rte_mbuf.h>

#include "clock.h"
#include "frame_capture.h"
#include "lifecycle.h"
#include "turn_round.h"

const char *
l2fwd_drop_name(enum l2fwd_drop reason)
{
	static const char *const names[L2FWD_DROPS] = {
			[L2FWD_TX_FULL] = "tx_full",
			[L2FWD_RUNT] = "runt",
			[L2FWD_GROUP] = "group_address",
			[L2FWD_UNFLUSHED] = "unflushed",
	};

	return names[reason];
}

/* Frames of this lane that will not be sent: ours to free. */
static void
drop(struct l2fwd_lane *lane, struct rte_mbuf **frames, uint16_t n, enum l2fwd_drop reason)
{
	for (uint16_t i = 0; i < n; i++)
		lane->counts.tx_bytes -= rte_pktmbuf_pkt_len(frames[i]);
	lane->drops[reason] += n;
	rte_pktmbuf_free_bulk(frames, n);
}

static void
on_unsent(struct rte_mbuf **frames, uint16_t n, void *lane)
{
	drop(lane, frames, n, L2FWD_TX_FULL);
}

int
l2fwd_begin(struct l2fwd *f, const struct l2fwd_line *line, const struct port_state *ports,
		uint16_t count, struct capture *capture)
{
	*f = (struct l2fwd){.lane_count = count, .line = line, .capture = capture};
	for (uint16_t i = 0; i < count; i++) {
		struct l2fwd_lane *lane = &f->lanes[i];

		lane->port = &ports[i];
		lane->pair = port_pair(i, count);
		lane->buffer = rte_zmalloc("l2fwd_buffer", RTE_ETH_TX_BUFFER_SIZE(L2FWD_BURST), 0);
		if (lane->buffer == NULL ||
				rte_eth_tx_buffer_init(lane->buffer, L2FWD_BURST) != 0 ||
				rte_eth_tx_buffer_set_err_callback(lane->buffer, on_unsent, lane) !=
						0) {
			complain("no memory for the send buffer of port %u", ports[i].port);
			return -1;
		}
	}
	return 0;
}

void
l2fwd_end(struct l2fwd *f)
{
	for (uint16_t i = 0; i < f->lane_count; i++)
		rte_free(f->lanes[i].buffer);
}

/* The buffer is empty again, and the first `sent` of its frames left. */
static void
end_copies(struct l2fwd *f, struct l2fwd_lane *lane, uint16_t sent)
{
	if (likely(!lane->has_copies))
		return;
	for (uint16_t i = 0; i < L2FWD_BURST; i++) {
		capture_copy_end(f->capture, lane->copies[i], i < sent);
		lane->copies[i] = NULL;
	}
	lane->has_copies = false;
}

/* Sends what is in the buffers, full or not. */
static void
drain(struct l2fwd *f)
{
	for (uint16_t i = 0; i < f->lane_count; i++) {
		struct l2fwd_lane *lane = &f->lanes[i];
		uint16_t sent = rte_eth_tx_buffer_flush(lane->port->port, 0, lane->buffer);

		lane->counts.tx_packets += sent;
		end_copies(f, lane, sent);
	}
}

static void
forward(struct l2fwd *f, struct l2fwd_lane *from, struct rte_mbuf *frame)
{
	struct l2fwd_lane *to = &f->lanes[from->pair];
	enum turn_refusal refused;
	struct rte_mbuf *copy;
	uint16_t sent;

	from->counts.rx_packets++;
	from->counts.rx_bytes += rte_pktmbuf_pkt_len(frame);
	capture_frame(f->capture, CAPTURE_RX, frame);
	refused = turn_round(frame, &to->port->mac);
	if (unlikely(refused != TURN_OK)) {
		from->drops[refused == TURN_RUNT ? L2FWD_RUNT : L2FWD_GROUP]++;
		rte_pktmbuf_free(frame);
		return;
	}
	copy = capture_copy(f->capture, frame);
	if (unlikely(copy != NULL)) {
		to->copies[to->buffer->length] = copy;
		to->has_copies = true;
	}
	to->counts.tx_bytes += rte_pktmbuf_pkt_len(frame);
	/* From here on the frame is the buffer's. */
	sent = rte_eth_tx_buffer(to->port->port, 0, to->buffer, frame);
	to->counts.tx_packets += sent;
	if (to->buffer->length == 0)
		end_copies(f, to, sent);
}

/* One burst from every port. Returns how many frames came. */
static uint32_t
turn(struct l2fwd *f)
{
	struct rte_mbuf *frames[L2FWD_BURST];
	uint32_t came = 0;

	for (uint16_t i = 0; i < f->lane_count; i++) {
		struct l2fwd_lane *lane = &f->lanes[i];
		uint16_t n = rte_eth_rx_burst(lane->port->port, 0, frames, L2FWD_BURST);

		for (uint16_t j = 0; j < n; j++)
			forward(f, lane, frames[j]);
		lane->turns_full += n == L2FWD_BURST;
		came += n;
	}
	f->turns++;
	return came;
}

void
l2fwd_run(struct l2fwd *f, double ticks_per_s)
{
	const struct l2fwd_line *line = f->line;
	uint64_t interval = line->drain_us == DRAIN_NEVER
					    ? 0
					    : (uint64_t)(line->drain_us * 1e-6 * ticks_per_s);
	uint64_t next = clock_ticks();

	while (!lifecycle_stopping()) {
		uint32_t came = turn(f);
		uint64_t now = clock_ticks();

		if (line->drain_us != DRAIN_NEVER && now >= next) {
			drain(f);
			next = now + interval;
		}
		loop_rest(&line->shape, came > 0);
	}
	for (uint16_t i = 0; i < f->lane_count; i++) {
		struct l2fwd_lane *lane = &f->lanes[i];

		drop(lane, lane->buffer->pkts, lane->buffer->length, L2FWD_UNFLUSHED);
		lane->buffer->length = 0;
		end_copies(f, lane, 0);
	}
}
