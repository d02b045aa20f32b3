/*
 * The shape of a program's loop: what it does between two turns. `naive` sleeps after
 * every turn, whatever is left to do, as a program with a sleep() in its loop does;
 * `poll` sleeps only when a turn found nothing. Without a sleep both poll.
 */
#ifndef COMMON_LOOP_SHAPE_H
#define COMMON_LOOP_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "lifecycle.h"

struct loop_shape {
	bool naive;
	uint32_t sleep_us;
	enum idle_policy idle;
};

/* "poll" or "naive". */
bool option_loop(const char *name, const char *text, struct loop_shape *shape);

/* Microseconds, at most ten seconds. */
bool option_sleep(const char *name, const char *text, struct loop_shape *shape);

const char *loop_shape_name(const struct loop_shape *shape);

void loop_sleep(uint32_t us);

/* Whether a sleep follows a turn that did something, or did not. */
static inline bool
loop_sleeps(const struct loop_shape *shape, bool worked)
{
	return shape->sleep_us > 0 && (shape->naive || !worked);
}

/* After such a turn. */
static inline void
loop_rest(const struct loop_shape *shape, bool worked)
{
	if (loop_sleeps(shape, worked))
		loop_sleep(shape->sleep_us);
	else if (!worked)
		idle_wait(shape->idle);
}

#endif
