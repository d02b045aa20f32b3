#include "exchange.h"

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>

#include "clock.h"
#include "frame_capture.h"
#include "message.h"
#include "probe.h"

/* Waiting until nothing is under way ends at this many times --settle-ms at the latest. */
#define SETTLE_MOST 50

static inline void
take_frame(void *self, struct lane *lane, struct rte_mbuf *m, uint64_t tick)
{
	struct exchange *x = self;
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

static inline uint32_t
receive(struct exchange *x)
{
	return link_poll(x->link, take_frame, x);
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
		uint64_t due = schedule_due(&x->window.schedule, now);

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
	return outbox_send(&x->outbox, x->link, &x->meter, open ? &x->window.schedule : NULL,
			x->line->link.burst, &x->capture);
}

static enum phase
follow(struct exchange *x, uint64_t now)
{
	bool closed = x->window.closed != 0;
	enum phase phase = window_follow(&x->window, now);

	if (!closed && x->window.closed != 0)
		outbox_discard(&x->outbox);
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

/* From warm-up to the end of the drain, and until nothing is under way. */
static void
run(void *self)
{
	struct exchange *x = self;
	bool open = x->line->generator.rate > 0;
	uint64_t now = clock_ticks();
	uint64_t next_expiry = now + x->window.timeout;
	enum phase phase = PHASE_WARMUP;

	while (phase < PHASE_DRAIN || (phase == PHASE_DRAIN && x->meter.outstanding > 0)) {
		uint32_t moved = receive(x);

		now = clock_ticks();
		phase = follow(x, now);
		/* A lost message must not hold its place in a closed loop. */
		if (!open && now > next_expiry) {
			(void)meter_expire(&x->meter, now, x->window.timeout);
			next_expiry = now + x->window.timeout / 8;
		}
		incoming_expire(&x->incoming, now);
		moved += transmit(x, now, phase < PHASE_DRAIN);
		loop_rest(&x->line->shape, moved > 0);
	}
	settle(x);
}

void
exchange_run(struct exchange *x)
{
	window_begin(&x->window, &x->meter, &x->line->generator, x->ticks_per_s, clock_ticks());
	if (!driver_guard_run(&x->link->guard, run, x))
		window_fail(&x->window, clock_ticks(), "link lost");
	/* Whatever is still out is lost. */
	(void)meter_expire(&x->meter, UINT64_MAX, 0);
	if (x->incoming.reassembly != NULL)
		reassembly_expire(x->incoming.reassembly, UINT64_MAX);
	if (x->link->guard.tripped)
		outbox_abandon(&x->outbox, x->link);
	else
		outbox_end(&x->outbox, x->link);
	digest_lost(x);
}
