/* Command line of ring_pingpong, after the "--". */
#ifndef RING_PINGPONG_COMMAND_LINE_H
#define RING_PINGPONG_COMMAND_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "lifecycle.h"

#define PINGPONG_MAX_SIZE 2048

struct command_line {
	unsigned int flags; /* of both rings */
	uint64_t size;	    /* bytes of a message */
	enum idle_policy idle;
	/* primary */
	double warmup_s;
	double window_s;
	uint64_t max_samples;
	const char *samples; /* path */
};

/* Reads into a `struct command_line`, as options_read() does. */
int command_line_read(void *options, int argc, char **argv);

#endif
