/* What the store's server is told, but for its transport. */
#ifndef STORE_SERVER_OPTIONS_H
#define STORE_SERVER_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include "executor.h"
#include "lifecycle.h"

enum server_service { SERVE_ECHO, SERVE_STORE };

/* In their order; NULL at the end. */
extern const char *const server_service_names[];

struct server_options {
	enum server_service service;
	struct executor_options executor; /* of SERVE_STORE */
	uint32_t clients;		  /* sessions at most */
	uint16_t slots;			  /* requests of each at once */
	enum idle_policy idle;
	uint64_t delay_us; /* before each answer */
	const char *stats;
	bool has_service;
};

struct server_options server_options_default(void);

/* For struct store_program (transport.h). */
extern const struct option server_option_table[];
void server_options_help(void);
bool server_options_take(void *options, int option, const char *text);
bool server_options_complete(void *options);

#endif
