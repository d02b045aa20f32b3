/* The command line of store_sockperf. */
#ifndef STORE_SOCKPERF_OPTIONS_H
#define STORE_SOCKPERF_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "generator_options.h"
#include "option_reader.h"
#include "tcp_socket.h"

#define SOCKPERF_NAME "store_sockperf"

enum sockperf_role { SOCKPERF_SERVER, SOCKPERF_PING_PONG };

extern const char *const sockperf_role_names[];

struct sockperf_arguments {
	int role; /* enum sockperf_role */
	enum tcp_mode mode;
	const char *address;
	uint16_t port;
	uint32_t size;
	bool has_role;
	struct generator_options measure; /* as far as MEASURING_LONG_OPTIONS say */
};

struct sockperf_arguments sockperf_defaults(void);

/* Reads into a struct sockperf_arguments. */
extern const struct option_reader sockperf_options;

#endif
