#include "measure.h"

#include <rte_branch_prediction.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "clock.h"
#include "lifecycle.h"
#include "message.h"
#include "probe.h"

/* Idle turns of a closed loop between looks at the clock: it has nothing to do by the clock but end
 * its phases. */
#define TURNS_PER_CLOCK_LOOK 16

static void
take_frame(struct measurement *m, struct lane *lane, struct rte_mbuf *frame, uint64_t tick)
{
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

/* One look at every queue. Returns how many frames came. */
static inline uint32_t
receive(struct measurement *m)
{
	struct rte_mbuf *frames[LINK_MAX_BURST];
	uint32_t all = 0;

	for (uint16_t i = 0; i < m->link->lane_count; i++) {
		struct lane *lane = &m->link->lanes[i];
		uint16_t n = rte_eth_rx_burst(lane->port, lane->queue, frames, m->line->link.burst);
		uint64_t tick;

		if (n == 0)
			continue;
		tick = clock_ticks();
		for (uint16_t j = 0; j < n; j++)
			take_frame(m, lane, frames[j], tick);
		rte_pktmbuf_free_bulk(frames, n);
		all += n;
	}
	return all;
}

/* How many packets may leave now: what the loop allows and the recorder has room for. */
static uint64_t
allowance(const struct measurement *m, uint64_t now)
{
	uint64_t next = meter_next(m->meter);
	uint64_t room;
	uint64_t wanted;

	if (unlikely(next == RECORDER_FULL))
		return 0;
	room = m->line->generator.max_samples - next;
	if (m->line->generator.depth > 0) {
		wanted = m->line->generator.depth - m->meter->outstanding;
	} else {
		uint64_t due = schedule_due(&m->schedule, now);

		wanted = due > next ? due - next : 0;
	}
	return RTE_MIN(wanted, room);
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
	bool open = m->schedule.ticks_per_packet > 0;
	uint16_t at = 0;

	while (at < n) {
		uint16_t run = 1;
		uint64_t tick;
		uint16_t sent;

		while (at + run < n && lanes[at + run] == lanes[at])
			run++;
		tick = clock_ticks();
		sent = link_send(&m->link->lanes[lanes[at]], &frames[at], run);
		for (uint16_t i = 0; i < sent; i++)
			(void)meter_sent(m->meter,
					open ? schedule_tick(&m->schedule, meter_next(m->meter))
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
	uint64_t wanted = allowance(m, now);
	uint16_t n;

	if (wanted == 0)
		return 0;
	n = make_frames(m, frames, lanes, (uint16_t)RTE_MIN(wanted, m->line->link.burst));
	return n > 0 ? send_frames(m, frames, lanes, n) : 0;
}

static void
end_window(struct measurement *m, uint64_t now)
{
	uint64_t due = schedule_due(&m->schedule, now);
	uint64_t sent = meter_next(m->meter);

	m->window_end = now;
	recorder_window_end(m->meter->recorder);
	if (sent != RECORDER_FULL && due > sent)
		m->unsent = due - sent;
}

/* Begins and ends the recorder's window with the schedule's, and cuts it short where it must. */
static enum phase
follow_schedule(struct measurement *m, uint64_t now)
{
	enum phase phase;

	if (unlikely(m->window_end == 0 && lifecycle_stopping())) {
		m->ended = "signal";
		schedule_cut(&m->schedule, now);
	} else if (unlikely(m->window_end == 0 && meter_next(m->meter) == RECORDER_FULL)) {
		m->ended = "recorder full";
		schedule_cut(&m->schedule, now);
	}
	phase = schedule_phase(&m->schedule, now);
	if (phase >= PHASE_WINDOW && m->window_begin == 0) {
		m->window_begin = now;
		recorder_window_begin(m->meter->recorder);
	}
	if (phase >= PHASE_DRAIN && m->window_end == 0)
		end_window(m, now);
	return phase;
}

void
measure(struct measurement *m)
{
	bool open = m->line->generator.rate > 0;
	uint64_t now = clock_ticks();
	uint64_t next_expiry = now + m->timeout;
	enum phase phase = PHASE_WARMUP;
	uint32_t idle_turns = 0;

	m->ended = "done";
	schedule_begin(&m->schedule, now, m->ticks_per_s, m->line->generator.rate,
			m->line->generator.warmup_s, m->line->generator.window_s,
			m->line->generator.timeout_ms / 1e3);
	while (phase < PHASE_DRAIN || (phase == PHASE_DRAIN && m->meter->outstanding > 0)) {
		uint32_t moved = receive(m);

		if (moved > 0 || open || idle_turns % TURNS_PER_CLOCK_LOOK == 0) {
			now = clock_ticks();
			phase = follow_schedule(m, now);
			/* A lost message must not hold its place in a closed loop. */
			if (!open && now > next_expiry) {
				(void)meter_expire(m->meter, now, m->timeout);
				next_expiry = now + m->timeout / 8;
			}
		}
		if (phase < PHASE_DRAIN)
			moved += transmit(m, now);
		if (moved == 0) {
			idle_turns++;
			idle_wait(m->line->generator.idle);
		}
	}
	/* Whatever is still out is lost. */
	(void)meter_expire(m->meter, UINT64_MAX, 0);
}
