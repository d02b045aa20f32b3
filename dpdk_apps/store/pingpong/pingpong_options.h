/* The command line of mbuf_pingpong, after the "--". */
#ifndef STORE_PINGPONG_OPTIONS_H
#define STORE_PINGPONG_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "generator_options.h"

#define PINGPONG_NAME "mbuf_pingpong"

enum pingpong_role { PINGPONG_PING, PINGPONG_PONG };

struct pingpong_options {
	int role; /* enum pingpong_role */
	bool has_role;
	uint64_t port_mask;
	uint32_t size;			  /* bytes behind the headers of a frame */
	struct generator_options measure; /* as far as MEASURING_LONG_OPTIONS say */
};

/* Reads into a struct pingpong_options, as options_read() does. */
int pingpong_options_read(void *options, int argc, char **argv);

#endif
