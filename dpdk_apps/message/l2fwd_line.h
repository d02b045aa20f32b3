/* Command line of l2fwd, after the "--". */
#ifndef MESSAGE_L2FWD_LINE_H
#define MESSAGE_L2FWD_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "loop_shape.h"
#include "port.h"

/* Of --drain-us: what waits in a send buffer leaves when the buffer is full, and never before. */
#define DRAIN_NEVER -1

struct l2fwd_line {
	uint64_t port_mask;
	struct port_wish wish;
	struct loop_shape shape;
	int32_t drain_us;
	uint32_t dump;
	const char *capture;
	const char *stats;
};

/* Reads into a `struct l2fwd_line`, as options_read() does. */
int l2fwd_line_read(void *options, int argc, char **argv);

#endif
