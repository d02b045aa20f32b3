#include "exchange.h"

#include <rte_branch_prediction.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "clock.h"
#include "frame_capture.h"
#include "lifecycle.h"
#include "message.h"
#include "probe.h"

/* Waiting until nothing is under way ends at this many times --settle-ms at the latest. */
#define SETTLE_MOST 50

static void
take_frame(struct exchange *x, struct lane *lane, struct rte_mbuf *m, uint64_t tick)
{
	uint32_t tag = x->line->generator.tag;
	struct message probe;
	struct frame f;
	uint32_t flow;

	capture_frame(&x->capture, CAPTURE_RX, m);
	if (!link_read(x->link, lane, m, &f, &flow))
		return;
	if (unlikely(message_peek(&probe, f.payload, f.payload_bytes, probe_tag(tag)) ==
			    MESSAGE_OK)) {
		lane->drops[LINK_LATE_PROBE]++;
		return;
	}
	if (unlikely(incoming_take(&x->incoming, f.payload, f.payload_bytes, flow, tick) ==
			    INCOMING_REFUSED))
		lane->drops[LINK_REFUSED]++;
}

/* One look at every queue. Returns how many frames came. */
static inline uint32_t
receive(struct exchange *x)
{
	struct rte_mbuf *frames[LINK_MAX_BURST];
	uint32_t all = 0;

	for (uint16_t i = 0; i < x->link->lane_count; i++) {
		struct lane *lane = &x->link->lanes[i];
		uint16_t n = rte_eth_rx_burst(lane->port, lane->queue, frames, x->line->link.burst);
		uint64_t tick;

		if (n == 0)
			continue;
		tick = clock_ticks();
		for (uint16_t j = 0; j < n; j++)
			take_frame(x, lane, frames[j], tick);
		rte_pktmbuf_free_bulk(frames, n);
		all += n;
	}
	return all;
}

/* Messages that have begun to leave. */
static uint64_t
sent_so_far(const struct exchange *x)
{
	return x->line->generator.max_samples - meter_room(&x->meter);
}

/* How many more messages may be made now. */
static uint64_t
allowance(const struct exchange *x, uint64_t now)
{
	uint64_t room = x->line->generator.max_samples - x->outbox.made;
	uint64_t depth = x->line->generator.depth;
	uint64_t wanted;

	if (depth > 0) {
		uint64_t out = x->meter.outstanding + x->outbox.made - sent_so_far(x);

		wanted = depth > out ? depth - out : 0;
	} else {
		uint64_t due = schedule_due(&x->schedule, now);

		wanted = due > x->outbox.made ? due - x->outbox.made : 0;
		/* An open loop that is behind comes back after each look at what came. */
		wanted = RTE_MIN(wanted, (uint64_t)x->line->link.burst);
	}
	return RTE_MIN(wanted, room);
}

static uint32_t
transmit(struct exchange *x, uint64_t now, bool more)
{
	bool open = x->line->generator.rate > 0;

	for (uint64_t n = more ? allowance(x, now) : 0;
			n > 0 && outbox_has_room(&x->outbox, x->plan->records); n--)
		if (!outbox_make(&x->outbox, x->link, &x->outgoing, &x->meter))
			break;
	if (x->outbox.begin == x->outbox.end)
		return 0;
	return outbox_send(&x->outbox, x->link, &x->meter, open ? &x->schedule : NULL,
			x->line->link.burst, &x->capture);
}

static void
end_window(struct exchange *x, uint64_t now)
{
	uint64_t due = schedule_due(&x->schedule, now);

	outbox_discard(&x->outbox);
	x->window_end = now;
	recorder_window_end(x->meter.recorder);
	if (meter_room(&x->meter) > 0 && due > sent_so_far(x))
		x->unsent = due - sent_so_far(x);
}

/* Begins and ends the recorder's window with the schedule's, and cuts it short where it must. */
static enum phase
follow_schedule(struct exchange *x, uint64_t now)
{
	enum phase phase;

	if (unlikely(x->window_end == 0 && lifecycle_stopping())) {
		x->ended = "signal";
		schedule_cut(&x->schedule, now);
	} else if (unlikely(x->window_end == 0 && meter_room(&x->meter) == 0)) {
		x->ended = "recorder full";
		schedule_cut(&x->schedule, now);
	}
	phase = schedule_phase(&x->schedule, now);
	if (phase >= PHASE_WINDOW && x->window_begin == 0) {
		x->window_begin = now;
		recorder_window_begin(x->meter.recorder);
	}
	if (phase >= PHASE_DRAIN && x->window_end == 0)
		end_window(x, now);
	return phase;
}

/* Takes what still comes until nothing has for a while: then both ends have counted the same. */
static void
settle(struct exchange *x)
{
	uint64_t quiet = (uint64_t)(x->line->settle_ms / 1e3 * x->ticks_per_s);
	uint64_t began = clock_ticks();
	uint64_t last = began;
	uint64_t now = began;

	while (now - last < quiet && now - began < SETTLE_MOST * quiet) {
		uint32_t came = receive(x);

		now = clock_ticks();
		if (came > 0)
			last = now;
		else
			idle_wait(x->line->generator.idle);
	}
	x->settled = now - last >= quiet;
}

static void
digest_lost(struct exchange *x)
{
	for (uint64_t seq = 0; seq < sent_so_far(x); seq++) {
		if (recorder_returned(x->meter.recorder, seq))
			continue;
		outgoing_make(&x->outgoing, (uint32_t)seq);
		x->digest_lost += x->outgoing.digest;
	}
}

void
exchange_run(struct exchange *x)
{
	const struct generator_options *g = &x->line->generator;
	bool open = g->rate > 0;
	uint64_t now = clock_ticks();
	uint64_t next_expiry = now + x->timeout;
	enum phase phase = PHASE_WARMUP;

	x->ended = "done";
	schedule_begin(&x->schedule, now, x->ticks_per_s, g->rate, g->warmup_s, g->window_s,
			g->timeout_ms / 1e3);
	while (phase < PHASE_DRAIN || (phase == PHASE_DRAIN && x->meter.outstanding > 0)) {
		uint32_t moved = receive(x);

		now = clock_ticks();
		phase = follow_schedule(x, now);
		/* A lost message must not hold its place in a closed loop. */
		if (!open && now > next_expiry) {
			(void)meter_expire(&x->meter, now, x->timeout);
			next_expiry = now + x->timeout / 8;
		}
		incoming_expire(&x->incoming, now);
		moved += transmit(x, now, phase < PHASE_DRAIN);
		loop_rest(&x->line->shape, moved > 0);
	}
	settle(x);
	/* Whatever is still out is lost. */
	(void)meter_expire(&x->meter, UINT64_MAX, 0);
	if (x->incoming.reassembly != NULL)
		reassembly_expire(x->incoming.reassembly, UINT64_MAX);
	outbox_end(&x->outbox, x->link);
	digest_lost(x);
}
