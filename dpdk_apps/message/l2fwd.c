#include "l2fwd.h"

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
			[L2FWD_CUT_OFF] = "cut_off",
	};

	return names[reason];
}

/* Frames of this lane that will not be sent: ours to free. */
static void
drop(struct l2fwd_lane *lane, struct rte_mbuf **frames, uint16_t n, enum l2fwd_drop reason)
{
	lane->drops[reason] += n;
	rte_pktmbuf_free_bulk(frames, n);
}

void
l2fwd_begin(struct l2fwd *f, const struct l2fwd_line *line, const struct port_state *ports,
		uint16_t count, struct capture *capture)
{
	*f = (struct l2fwd){.lane_count = count, .line = line, .capture = capture};
	for (uint16_t i = 0; i < count; i++) {
		struct l2fwd_lane *lane = &f->lanes[i];

		lane->port = &ports[i];
		lane->pair = port_pair(i, count);
	}
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

/* Sends what is in a lane's buffer, full or not. */
static void
flush(struct l2fwd *f, struct l2fwd_lane *lane)
{
	struct rte_mbuf **frames = lane->buffer.frames;
	uint16_t n = tx_buffer_take(&lane->buffer);
	uint64_t bytes = 0;
	int sent;

	if (n == 0)
		return;
	/* What the driver has taken must not be looked at any more. */
	for (uint16_t i = 0; i < n; i++)
		bytes += rte_pktmbuf_pkt_len(frames[i]);
	sent = burst_send(&f->guard, lane->port->port, 0, frames, n);
	if (unlikely(sent == BURST_FAULT)) {
		/* How many of them the driver has freed is not known: they are nobody's. */
		lane->drops[L2FWD_CUT_OFF] += n;
		end_copies(f, lane, 0);
		return;
	}
	if (unlikely(sent < n)) {
		for (uint16_t i = (uint16_t)sent; i < n; i++)
			bytes -= rte_pktmbuf_pkt_len(frames[i]);
		drop(lane, frames + sent, (uint16_t)(n - sent), L2FWD_TX_FULL);
	}
	lane->counts.tx_packets += (uint16_t)sent;
	lane->counts.tx_bytes += bytes;
	end_copies(f, lane, (uint16_t)sent);
}

static void
forward(struct l2fwd *f, struct l2fwd_lane *from, struct rte_mbuf *frame)
{
	struct l2fwd_lane *to = &f->lanes[from->pair];
	enum turn_refusal refused;
	struct rte_mbuf *copy;

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
		to->copies[to->buffer.count] = copy;
		to->has_copies = true;
	}
	/* From here on the frame is the buffer's. */
	if (tx_buffer_add(&to->buffer, frame, 0))
		flush(f, to);
}

/* One burst from every port. Returns how many frames came. */
static uint32_t
turn(struct l2fwd *f)
{
	struct rte_mbuf *frames[L2FWD_BURST];
	uint32_t came = 0;

	for (uint16_t i = 0; i < f->lane_count; i++) {
		struct l2fwd_lane *lane = &f->lanes[i];
		int n = burst_receive(&f->guard, lane->port->port, 0, frames, L2FWD_BURST);

		if (unlikely(n == BURST_FAULT))
			continue;
		for (int j = 0; j < n; j++)
			forward(f, lane, frames[j]);
		lane->turns_full += n == L2FWD_BURST;
		came += (uint32_t)n;
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

	burst_guard_begin(&f->guard);
	while (!lifecycle_stopping()) {
		uint32_t came = turn(f);
		uint64_t now = clock_ticks();

		if (line->drain_us != DRAIN_NEVER && now >= next) {
			for (uint16_t i = 0; i < f->lane_count; i++)
				flush(f, &f->lanes[i]);
			next = now + interval;
		}
		loop_rest(&line->shape, came > 0);
	}
	burst_guard_end(&f->guard);
	for (uint16_t i = 0; i < f->lane_count; i++) {
		struct l2fwd_lane *lane = &f->lanes[i];

		drop(lane, lane->buffer.frames, tx_buffer_take(&lane->buffer), L2FWD_UNFLUSHED);
		end_copies(f, lane, 0);
	}
}
