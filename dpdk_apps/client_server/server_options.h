/* Command line of mp_server, after the "--". */
#ifndef CLIENT_SERVER_SERVER_OPTIONS_H
#define CLIENT_SERVER_SERVER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "dispatch.h"
#include "lifecycle.h"
#include "port.h"

struct server_options {
	uint64_t port_mask;
	uint16_t num_clients;
	enum dispatch_by dispatch;
	uint32_t ring_size;
	struct port_wish wish; /* one receive queue, num_clients send queues */
	uint32_t mbufs;	       /* 0: as many as queues and rings need */
	enum idle_policy idle;
	bool cycles;	   /* count where the time goes */
	const char *stats; /* path */
};

const char *dispatch_name(enum dispatch_by by);

/* Reads into a `struct server_options`, as options_read() does. */
int server_options_read(void *options, int argc, char **argv);

#endif
