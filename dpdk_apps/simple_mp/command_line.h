/* Command line of simple_mp, after the "--". */
#ifndef SIMPLE_MP_COMMAND_LINE_H
#define SIMPLE_MP_COMMAND_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "fault.h"
#include "generator_options.h"
#include "space.h"

struct command_line {
	struct generator_options generator; /* idle and stats in a secondary, too */
	/* primary */
	int ring; /* enum ring_mode; -1: not given */
	uint32_t secondaries;
	const char *oneway; /* path */
	bool interactive;
	/* secondary */
	uint16_t proc_id; /* 0: not given */
	int die_in;	  /* enum fault */
	double die_after_s;
};

/* Reads into a `struct command_line`, as options_read() does. */
int command_line_read(void *options, int argc, char **argv);

/* Whether what this kind of process needs was given; false after a message. */
bool command_line_check(struct command_line *c, bool primary);

#endif
