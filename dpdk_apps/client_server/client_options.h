/* Command line of mp_client, after the "--". */
#ifndef CLIENT_SERVER_CLIENT_OPTIONS_H
#define CLIENT_SERVER_CLIENT_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "lifecycle.h"

struct client_options {
	uint16_t client_id;
	uint16_t num_clients; /* what the user says the server was started with; 0: not said */
	uint32_t drain_us;
	uint32_t sleep_us;
	enum idle_policy idle;
	bool cycles;	   /* count where the time goes */
	const char *stats; /* path */
};

/* Reads into a `struct client_options`, as options_read() does. */
int client_options_read(void *options, int argc, char **argv);

#endif
