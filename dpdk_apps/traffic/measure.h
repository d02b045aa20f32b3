/* The measured loop: warm-up, window and drain, in a closed or an open loop. One thread sends and
 * receives. */
#ifndef TRAFFIC_MEASURE_H
#define TRAFFIC_MEASURE_H

#include <stdint.h>

#include "command_line.h"
#include "link.h"
#include "meter.h"
#include "schedule.h"

struct measurement {
	struct link *link;
	struct meter *meter;
	const struct command_line *line;
	struct schedule schedule;
	double ticks_per_s;
	uint64_t timeout;      /* ticks */
	uint64_t window_begin; /* ticks; 0: not begun */
	uint64_t window_end;
	uint64_t unsent;   /* open loop: meant to leave before the window's end, and never did */
	const char *ended; /* why, as the statistics spell it */
};

/* Runs to the end of the drain, or until a stop was asked for (then the window is cut short). */
void measure(struct measurement *m);

#endif
