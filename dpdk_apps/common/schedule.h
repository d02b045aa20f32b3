/*
 * When a generator does what: warm-up, window, drain; and in an open loop the
 * moment at which each packet is meant to leave.
 *
 * An open loop sends packet n at begin + n / rate whether or not earlier ones
 * came back, and its latency counts from that moment: a generator that falls
 * behind does not hide the wait (coordinated omission).
 */
#ifndef COMMON_SCHEDULE_H
#define COMMON_SCHEDULE_H

#include <stdint.h>

enum phase {
	PHASE_WARMUP,
	PHASE_WINDOW,
	PHASE_DRAIN, /* nothing is sent any more, returns are awaited */
	PHASE_OVER,
};

struct schedule {
	uint64_t begin;	     /* tick of the first packet */
	uint64_t warmup_end; /* tick at which the window begins */
	uint64_t window_end;
	uint64_t drain_end;
	double ticks_per_packet; /* 0 in a closed loop */
};

/* `rate` in packets per second, 0 for a closed loop; the others in seconds. */
void schedule_begin(struct schedule *s, uint64_t now, double ticks_per_s, double rate,
		double warmup_s, double window_s, double drain_s);

/* Ends the window at `now`, before its time: the recorder is full, or a stop was asked for. */
void schedule_cut(struct schedule *s, uint64_t now);

static inline enum phase
schedule_phase(const struct schedule *s, uint64_t now)
{
	if (now < s->warmup_end)
		return PHASE_WARMUP;
	if (now < s->window_end)
		return PHASE_WINDOW;
	return now < s->drain_end ? PHASE_DRAIN : PHASE_OVER;
}

/* Open loop: the tick at which packet `n`, counted from 0, is meant to leave. */
static inline uint64_t
schedule_tick(const struct schedule *s, uint64_t n)
{
	return s->begin + (uint64_t)((double)n * s->ticks_per_packet);
}

/* Open loop: how many packets are meant to have left by `now`, the end of the window at the latest.
 */
uint64_t schedule_due(const struct schedule *s, uint64_t now);

#endif
