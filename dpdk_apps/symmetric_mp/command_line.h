/* Command line of symmetric_mp, after the "--". */
#ifndef SYMMETRIC_MP_COMMAND_LINE_H
#define SYMMETRIC_MP_COMMAND_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "lifecycle.h"
#include "port.h"

struct options {
	uint64_t port_mask;
	uint16_t num_procs;
	uint16_t proc_id;
	struct port_wish wish; /* its queues: num_procs */
	uint32_t mbufs;	       /* 0: as many as the queues need */
	enum idle_policy idle;
	bool counts_cycles;
	const char *stats; /* path */
};

/* Reads into a `struct options`, as options_read() does. */
int command_line_read(void *options, int argc, char **argv);

#endif
