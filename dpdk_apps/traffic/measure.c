#include "measure.h"

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>

#include "clock.h"
#include "message.h"
#include "probe.h"

/* Idle turns of a closed loop between looks at the clock: it has nothing to do by the clock but end
 * its phases. */
#define TURNS_PER_CLOCK_LOOK 16

static inline void
take_frame(void *self, struct lane *lane, struct rte_mbuf *frame, uint64_t tick)
{
	struct measurement *m = self;
	struct message message;
	struct frame f;
	uint32_t flow;
	uint32_t tag = m->line->generator.tag;

	if (!link_read(m->link, lane, frame, &f, &flow))
		return;
	if (likely(message_peek(&message, f.payload, f.payload_bytes, tag) == MESSAGE_OK)) {
		if (unlikely(message.flow != flow)) {
			lane->drops[LINK_WRONG_FLOW]++;
			return;
		}
	} else if (message_peek(&message, f.payload, f.payload_bytes, probe_tag(tag)) ==
			MESSAGE_OK) {
		lane->drops[LINK_LATE_PROBE]++;
		return;
	}
	if (unlikely(meter_returned(m->meter, f.payload, f.payload_bytes, tick) == METER_REFUSED))
		lane->drops[LINK_REFUSED]++;
}

/* Makes the next frames, up to `n`; returns how many there were buffers for. */
static uint16_t
make_frames(struct measurement *m, struct rte_mbuf **frames, uint16_t *lanes, uint16_t n)
{
	uint64_t next = meter_next(m->meter);

	for (uint16_t i = 0; i < n; i++) {
		uint32_t flow = meter_flow(m->meter, next + i);
		uint8_t *payload;

		frames[i] = link_frame(m->link, m->link->size, &payload);
		if (unlikely(frames[i] == NULL))
			return i;
		meter_write(m->meter, i, payload);
		link_finish(m->link, frames[i], flow);
		lanes[i] = m->link->lane_of[flow];
	}
	return n;
}

/*
 * Sends the frames in order, a run for one lane at a time, and notes those that the driver took. At
 * the first that it does not take this ends: the rest is freed and made again, so that what counts
 * as sent stays in order. Returns how many left.
 */
static uint16_t
send_frames(struct measurement *m, struct rte_mbuf **frames, const uint16_t *lanes, uint16_t n)
{
	const struct schedule *schedule = &m->window.schedule;
	bool open = schedule->ticks_per_packet > 0;
	uint16_t at = 0;

	while (at < n) {
		uint16_t run = 1;
		uint64_t tick;
		uint16_t sent;

		while (at + run < n && lanes[at + run] == lanes[at])
			run++;
		tick = clock_ticks();
		sent = link_send(m->link, &m->link->lanes[lanes[at]], &frames[at], run);
		for (uint16_t i = 0; i < sent; i++)
			(void)meter_sent(m->meter,
					open ? schedule_tick(schedule, meter_next(m->meter))
					     : tick);
		at += sent;
		if (unlikely(sent < run))
			break;
	}
	rte_pktmbuf_free_bulk(&frames[at], n - at);
	return at;
}

/* Sends what may leave now. Returns how many packets left. */
static inline uint32_t
transmit(struct measurement *m, uint64_t now)
{
	struct rte_mbuf *frames[LINK_MAX_BURST];
	uint16_t lanes[LINK_MAX_BURST];
	uint64_t wanted = window_allows(&m->window, &m->line->generator, now);
	uint16_t n;

	if (wanted == 0)
		return 0;
	n = make_frames(m, frames, lanes, (uint16_t)RTE_MIN(wanted, m->line->link.burst));
	return n > 0 ? send_frames(m, frames, lanes, n) : 0;
}

/* From warm-up to the end of the drain. */
static void
run(void *self)
{
	struct measurement *m = self;
	bool open = m->line->generator.rate > 0;
	uint64_t now = clock_ticks();
	uint64_t next_expiry = now + m->window.timeout;
	enum phase phase = PHASE_WARMUP;
	uint32_t idle_turns = 0;
	bool counts = m->line->counts_cycles;

	while (phase < PHASE_DRAIN || (phase == PHASE_DRAIN && m->meter->outstanding > 0)) {
		uint64_t began = unlikely(counts) ? clock_ticks() : 0;
		uint32_t moved = link_poll(m->link, take_frame, m);

		if (moved > 0 || open || idle_turns % TURNS_PER_CLOCK_LOOK == 0) {
			now = clock_ticks();
			phase = window_follow(&m->window, now);
			/* A lost message must not hold its place in a closed loop. */
			if (!open && now > next_expiry) {
				(void)meter_expire(m->meter, now, m->window.timeout);
				next_expiry = now + m->window.timeout / 8;
			}
		}
		if (phase < PHASE_DRAIN)
			moved += transmit(m, now);
		if (moved == 0) {
			idle_turns++;
			idle_wait(m->line->generator.idle);
		} else if (unlikely(counts)) {
			m->busy_ticks += clock_ticks() - began;
		}
	}
}

void
measure(struct measurement *m, double ticks_per_s)
{
	window_begin(&m->window, m->meter, &m->line->generator, ticks_per_s, clock_ticks());
	if (!driver_guard_run(&m->link->guard, run, m))
		window_fail(&m->window, clock_ticks(), "link lost");
	/* Whatever is still out is lost. */
	(void)meter_expire(m->meter, UINT64_MAX, 0);
}
