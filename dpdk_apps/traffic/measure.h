/* The measured loop: warm-up, window and drain, in a closed or an open loop. One thread sends and
 * receives. */
#ifndef TRAFFIC_MEASURE_H
#define TRAFFIC_MEASURE_H

#include "command_line.h"
#include "link.h"
#include "meter.h"
#include "window.h"

struct measurement {
	struct link *link;
	struct meter *meter;
	const struct command_line *line;
	struct window window;
	uint64_t busy_ticks; /* of turns in which frames came or left, where that is asked for */
};

/* Runs to the end of the drain, or until a stop was asked for or the link was lost (then the window
 * is cut short). */
void measure(struct measurement *m, double ticks_per_s);

#endif
