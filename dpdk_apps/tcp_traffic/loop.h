/* The measurement: warm-up, window and drain over connections that are there. */
#ifndef TCP_TRAFFIC_LOOP_H
#define TCP_TRAFFIC_LOOP_H

#include <stdint.h>

#include "connections.h"
#include "generator_options.h"
#include "meter.h"

/* Why it ended. */
enum loop_end {
	LOOP_DONE,
	LOOP_FULL,   /* the recorder has no room: the window was cut there */
	LOOP_SIGNAL, /* a stop was asked for: cut there */
	LOOP_CLOSED, /* a connection is gone: ended there, without a drain */
	LOOP_ENDS,
};

extern const char *const loop_end_names[LOOP_ENDS];

struct loop_result {
	enum loop_end end;
	double window_s; /* how long the window really was */
	uint64_t unsent; /* open loop: meant to leave before the window's end, and never did */
};

struct loop_result loop_run(const struct generator_options *o, struct connections *c,
		struct meter *m, double ticks_per_s);

#endif
