#include "loop.h"

#include <stdbool.h>

#include "clock.h"
#include "schedule.h"

const char *const loop_end_names[LOOP_ENDS] = {"done", "recorder full", "signal", "peer closed"};

struct loop {
	const struct generator_options *options;
	struct connections *connections;
	struct meter *meter;
	struct schedule schedule;
	double ticks_per_s;
	uint64_t timeout; /* ticks */
	enum phase phase;
	uint64_t opened; /* ticks at which the window really began and ended */
	uint64_t closed;
	uint64_t unsent;
	enum loop_end end;
};

/* Follows the clock from one phase to the next. */
static void
enter_phases(struct loop *l, uint64_t now)
{
	enum phase phase = schedule_phase(&l->schedule, now);

	if (phase == l->phase)
		return;
	if (l->phase == PHASE_WARMUP && phase != PHASE_WARMUP) {
		recorder_window_begin(l->meter->recorder);
		l->opened = now;
	}
	if (l->phase <= PHASE_WINDOW && phase > PHASE_WINDOW) {
		uint64_t due = schedule_due(&l->schedule, now);
		uint64_t sent = meter_next(l->meter);

		recorder_window_end(l->meter->recorder);
		l->closed = now;
		if (sent != RECORDER_FULL && due > sent)
			l->unsent = due - sent;
	}
	l->phase = phase;
}

static void
cut(struct loop *l, enum loop_end why, uint64_t now)
{
	/* The first reason counts, but for a lost connection: that is a failure whatever was asked
	 * before. */
	if (l->end == LOOP_DONE || why == LOOP_CLOSED)
		l->end = why;
	schedule_cut(&l->schedule, now);
	enter_phases(l, now);
}

/* Whether another message may leave now; the tick at which it is meant to, or 0 for "now", in
 * `tick`. */
static bool
may_send(struct loop *l, uint64_t now, uint64_t *tick)
{
	uint64_t next;

	if (l->phase > PHASE_WINDOW)
		return false;
	next = meter_next(l->meter);
	if (next == RECORDER_FULL) {
		cut(l, LOOP_FULL, now);
		return false;
	}
	*tick = 0;
	if (l->options->depth > 0)
		return l->meter->outstanding < l->options->depth;
	*tick = schedule_tick(&l->schedule, next);
	return *tick <= now && *tick < l->schedule.window_end;
}

/*
 * Sends what is due. One burst is at most what a closed loop has to send in all; an open loop that
 * is behind comes back after each turn of receiving, or its messages would fill the sockets unread.
 */
static bool
send_due(struct loop *l, uint64_t now)
{
	uint64_t most = l->options->depth > 0 ? l->options->depth : 32;
	uint64_t tick;
	uint64_t n = 0;

	while (n < most && may_send(l, now, &tick) && connections_ready(l->connections, l->meter)) {
		connections_send(l->connections, l->meter, tick);
		n++;
	}
	return n > 0;
}

/* How long there is nothing to do but to wait for returns, in ns. */
static uint64_t
longest_wait(const struct loop *l, uint64_t now)
{
	uint64_t until = l->schedule.drain_end;
	uint64_t next = meter_next(l->meter);

	if (l->phase == PHASE_WARMUP)
		until = l->schedule.warmup_end;
	else if (l->phase == PHASE_WINDOW)
		until = l->schedule.window_end;
	if (l->options->depth == 0 && l->phase <= PHASE_WINDOW && next != RECORDER_FULL &&
			connections_ready(l->connections, l->meter)) {
		uint64_t tick = schedule_tick(&l->schedule, next);

		until = tick < until ? tick : until;
	}
	/* The oldest one that is out times out first. */
	if (l->options->depth > 0 && recorder_pending(l->meter->recorder, l->meter->oldest)) {
		uint64_t expires = recorder_send_tick(l->meter->recorder, l->meter->oldest) +
				   l->timeout + 1;

		until = expires < until ? expires : until;
	}
	return until > now ? (uint64_t)((double)(until - now) * 1e9 / l->ticks_per_s) : 0;
}

/* One turn: what came, what timed out, what is due; then a sleep or a pause if there was nothing.
 */
static void
turn(struct loop *l, uint64_t now)
{
	struct connections *c = l->connections;
	bool worked = false;

	if (l->options->depth > 0)
		worked = meter_expire(l->meter, now, l->timeout) > 0;
	worked |= send_due(l, now);
	if (c->polls) {
		worked |= connections_turn(c, l->meter);
		if (!worked)
			idle_wait(l->options->idle);
		return;
	}
	/* By the time now: sending took some. */
	(void)connections_wait(c, l->meter, longest_wait(l, clock_ticks()));
}

struct loop_result
loop_run(const struct generator_options *o, struct connections *c, struct meter *m,
		double ticks_per_s)
{
	struct loop l = {.options = o, .connections = c, .meter = m, .ticks_per_s = ticks_per_s};
	double timeout_s = o->timeout_ms * 1e-3;
	uint64_t now = clock_ticks();

	l.timeout = (uint64_t)(timeout_s * ticks_per_s);
	schedule_begin(&l.schedule, now, ticks_per_s, o->rate, o->warmup_s, o->window_s, timeout_s);
	for (;;) {
		now = clock_ticks();
		enter_phases(&l, now);
		if (l.phase == PHASE_OVER || (l.phase == PHASE_DRAIN && m->outstanding == 0))
			break;
		if (lifecycle_stopping())
			cut(&l, LOOP_SIGNAL, now);
		if (c->closed > 0) {
			cut(&l, LOOP_CLOSED, now);
			break;
		}
		turn(&l, now);
	}
	return (struct loop_result){
			.end = l.end,
			.window_s = (double)(l.closed - l.opened) / ticks_per_s,
			.unsent = l.unsent,
	};
}
