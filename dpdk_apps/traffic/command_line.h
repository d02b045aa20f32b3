/* Command line of traffic, after the "--". */
#ifndef TRAFFIC_COMMAND_LINE_H
#define TRAFFIC_COMMAND_LINE_H

#include <stdbool.h>

#include "generator_options.h"
#include "link_options.h"

struct command_line {
	struct generator_options generator;
	struct link_options link;
	bool counts_cycles;
};

/* Reads into a `struct command_line`, as options_read() does. */
int command_line_read(void *options, int argc, char **argv);

#endif
