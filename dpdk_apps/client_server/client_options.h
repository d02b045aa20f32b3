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
	bool help;
};

/* False after a message if the command line is wrong. `--help` prints and sets `help`. */
bool client_options_read(struct client_options *o, int argc, char **argv);

#endif
