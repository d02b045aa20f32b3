/* The command line of mbuf_pingpong, after the "--". */
#ifndef STORE_PINGPONG_OPTIONS_H
#define STORE_PINGPONG_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#define PINGPONG_NAME "mbuf_pingpong"

enum pingpong_role { PINGPONG_PING, PINGPONG_PONG };

struct pingpong_options {
	int role; /* enum pingpong_role */
	bool has_role;
	uint64_t port_mask;
	uint32_t size; /* bytes behind the headers of a frame */
	double warmup_s;
	double window_s;
	const char *samples;
	const char *stats;
	bool linger;
};

/* Reads into a struct pingpong_options, as options_read() does. */
int pingpong_options_read(void *options, int argc, char **argv);

#endif
