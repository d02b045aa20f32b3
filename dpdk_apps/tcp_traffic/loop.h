/* The measurement: warm-up, window and drain over connections that are there. */
#ifndef TCP_TRAFFIC_LOOP_H
#define TCP_TRAFFIC_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "connections.h"
#include "generator_options.h"
#include "meter.h"

struct loop_result {
	const char *ended; /* why, as the statistics spell it */
	bool closed;	   /* a connection is gone: it ended there, without a drain */
	double window_s;   /* how long the window really was */
	uint64_t unsent;   /* open loop: meant to leave before the window's end, and never did */
};

/* Measures until the window and its drain are over, a stop was asked for, the recorder is full or a
 * connection is gone. */
struct loop_result loop_run(const struct generator_options *o, struct connections *c,
		struct meter *m, double ticks_per_s);

#endif
