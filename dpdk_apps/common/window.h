/*
 * The measurement window of a generator's loop: it follows the schedule from warm-up
 * to drain, opens and closes the recorder's window with it, and ends it early where
 * there is a reason.
 */
#ifndef COMMON_WINDOW_H
#define COMMON_WINDOW_H

#include <stdint.h>

#include "generator_options.h"
#include "meter.h"
#include "schedule.h"

struct window {
	struct schedule schedule;
	struct meter *meter;
	double ticks_per_s;
	uint64_t timeout; /* ticks after which a message counts as lost */
	uint64_t opened;  /* ticks; 0: not yet */
	uint64_t closed;
	uint64_t unsent;   /* open loop: meant to leave before the window's end, and never did */
	const char *ended; /* why, as the statistics spell it */
};

/* Warm-up begins at `now`. */
void window_begin(struct window *w, struct meter *m, const struct generator_options *o,
		double ticks_per_s, uint64_t now);

/* Where the loop stands at `now`. A signal and a full recorder end the window. */
enum phase window_follow(struct window *w, uint64_t now);

/*
 * Ends it at `now` because of a failure, which counts whatever was the reason before and also when
 * the window is over. Nothing changes `ended` afterwards.
 */
void window_fail(struct window *w, uint64_t now, const char *why);

/* How many messages may leave now: what the loop allows and the recorder has room for. */
uint64_t window_allows(const struct window *w, const struct generator_options *o, uint64_t now);

/* How long it really was, in seconds. */
double window_length_s(const struct window *w, double ticks_per_s);

#endif
