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
	bool help;
};

const char *dispatch_name(enum dispatch_by by);

/* False after a message if the command line is wrong. `--help` prints and sets `help`. */
bool server_options_read(struct server_options *o, int argc, char **argv);

#endif
