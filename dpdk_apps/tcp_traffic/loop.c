#include "loop.h"

#include "clock.h"
#include "window.h"

/* Messages of an open loop that is behind, between two looks at what came. */
#define OPEN_LOOP_BURST 32

struct loop {
	const struct generator_options *options;
	struct connections *connections;
	struct meter *meter;
	struct window window;
	enum phase phase;
};

/*
 * Sends what is due. One burst is at most what a closed loop has to send in all; an open loop that
 * is behind comes back after each turn of receiving, or its messages would fill the sockets unread.
 */
static bool
send_due(struct loop *l, uint64_t now)
{
	bool open = l->options->depth == 0;
	uint64_t wanted = window_allows(&l->window, l->options, now);
	uint64_t n = 0;

	if (open && wanted > OPEN_LOOP_BURST)
		wanted = OPEN_LOOP_BURST;
	for (; n < wanted && connections_ready(l->connections, l->meter); n++)
		connections_send(l->connections, l->meter,
				open ? schedule_tick(&l->window.schedule, meter_next(l->meter))
				     : 0);
	return n > 0;
}

/* How long there is nothing to do but to wait for returns, in ns. */
static uint64_t
longest_wait(const struct loop *l, uint64_t now)
{
	const struct schedule *s = &l->window.schedule;
	uint64_t until = s->drain_end;
	uint64_t next = meter_next(l->meter);

	if (l->phase == PHASE_WARMUP)
		until = s->warmup_end;
	else if (l->phase == PHASE_WINDOW)
		until = s->window_end;
	if (l->phase <= PHASE_WINDOW && next == RECORDER_FULL)
		return 0; /* the window ends at once */
	if (l->options->depth == 0 && l->phase <= PHASE_WINDOW &&
			connections_ready(l->connections, l->meter)) {
		uint64_t tick = schedule_tick(s, next);

		until = tick < until ? tick : until;
	}
	/* The oldest one that is out times out first. */
	if (l->options->depth > 0 && recorder_pending(l->meter->recorder, l->meter->oldest)) {
		uint64_t expires = recorder_send_tick(l->meter->recorder, l->meter->oldest) +
				   l->window.timeout + 1;

		until = expires < until ? expires : until;
	}
	return until > now ? (uint64_t)((double)(until - now) * 1e9 / l->window.ticks_per_s) : 0;
}

/* One turn: what came, what timed out, what is due; then a sleep or a pause if there was nothing.
 */
static void
turn(struct loop *l, uint64_t now)
{
	struct connections *c = l->connections;
	bool worked = false;

	if (l->options->depth > 0)
		worked = meter_expire(l->meter, now, l->window.timeout) > 0;
	if (c->codec != NULL && c->codec->expire != NULL)
		c->codec->expire(c->codec->self, now);
	if (l->phase <= PHASE_WINDOW)
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
	struct loop l = {.options = o, .connections = c, .meter = m};
	bool closed = false;

	window_begin(&l.window, m, o, ticks_per_s, clock_ticks());
	while (!closed) {
		uint64_t now = clock_ticks();

		l.phase = window_follow(&l.window, now);
		if (l.phase == PHASE_OVER || (l.phase == PHASE_DRAIN && m->outstanding == 0))
			break;
		closed = c->closed > 0;
		if (closed)
			window_fail(&l.window, now, "peer closed");
		else
			turn(&l, now);
	}
	return (struct loop_result){
			.ended = l.window.ended,
			.closed = closed,
			.window_s = window_length_s(&l.window, ticks_per_s),
			.unsent = l.window.unsent,
	};
}
