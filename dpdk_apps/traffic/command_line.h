/* Command line of traffic, after the "--". */
#ifndef TRAFFIC_COMMAND_LINE_H
#define TRAFFIC_COMMAND_LINE_H

#include <stdbool.h>

#include "generator_options.h"
#include "link_options.h"

struct command_line {
	struct generator_options generator;
	struct link_options link;
	bool help;
};

/* False after a message if the command line is wrong. `--help` prints and sets `help`. */
bool command_line_read(struct command_line *c, int argc, char **argv);

#endif
