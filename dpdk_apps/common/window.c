#include "window.h"

#include "lifecycle.h"

void
window_begin(struct window *w, struct meter *m, const struct generator_options *o,
		double ticks_per_s, uint64_t now)
{
	double timeout_s = o->timeout_ms / 1e3;

	*w = (struct window){
			.meter = m,
			.ticks_per_s = ticks_per_s,
			.timeout = (uint64_t)(timeout_s * ticks_per_s),
			.ended = "done",
	};
	schedule_begin(&w->schedule, now, ticks_per_s, o->rate, o->warmup_s, o->window_s,
			timeout_s);
}

static void
close_window(struct window *w, uint64_t now)
{
	uint64_t due = schedule_due(&w->schedule, now);
	uint64_t sent = meter_next(w->meter);

	w->closed = now;
	recorder_window_end(w->meter->recorder);
	if (sent != RECORDER_FULL && due > sent)
		w->unsent = due - sent;
}

/* Ends the window, if it is not over, because of `why`. */
static void
cut(struct window *w, uint64_t now, const char *why)
{
	if (w->closed != 0)
		return;
	w->ended = why;
	schedule_cut(&w->schedule, now);
}

/* Opens and closes the window where the schedule says so. */
static enum phase
enter_phase(struct window *w, uint64_t now)
{
	enum phase phase = schedule_phase(&w->schedule, now);

	if (phase >= PHASE_WINDOW && w->opened == 0) {
		w->opened = now;
		recorder_window_begin(w->meter->recorder);
	}
	if (phase >= PHASE_DRAIN && w->closed == 0)
		close_window(w, now);
	return phase;
}

void
window_fail(struct window *w, uint64_t now, const char *why)
{
	cut(w, now, why);
	w->ended = why;
	(void)enter_phase(w, now);
}

enum phase
window_follow(struct window *w, uint64_t now)
{
	if (lifecycle_stopping())
		cut(w, now, "signal");
	else if (meter_next(w->meter) == RECORDER_FULL)
		cut(w, now, "recorder full");
	return enter_phase(w, now);
}

uint64_t
window_allows(const struct window *w, const struct generator_options *o, uint64_t now)
{
	uint64_t next = meter_next(w->meter);
	uint64_t room = meter_room(w->meter);
	uint64_t wanted;

	if (next == RECORDER_FULL)
		return 0;
	if (o->depth > 0) {
		wanted = o->depth - w->meter->outstanding;
	} else {
		uint64_t due = schedule_due(&w->schedule, now);

		wanted = due > next ? due - next : 0;
	}
	return wanted < room ? wanted : room;
}

double
window_length_s(const struct window *w, double ticks_per_s)
{
	return (double)(w->closed - w->opened) / ticks_per_s;
}
