/* What the store's load client is told, but for its transport. */
#ifndef STORE_LOAD_OPTIONS_H
#define STORE_LOAD_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include "generator_options.h"

/* Requests at once, and how many an open loop has at most. */
#define LOAD_DEPTH_MAX 32

enum load_what { LOAD_ECHO, LOAD_STORE };
enum load_op { LOAD_READ, LOAD_WRITE, LOAD_MIXED, LOAD_SAME }; /* the last: echoes, as large back */

/* In their order; NULL at the end. */
extern const char *const load_what_names[];
extern const char *const load_op_names[];

struct load_options {
	struct generator_options generator;
	enum load_what what;
	enum load_op op;
	uint32_t write_percent; /* of all requests, whatever the op */
	uint32_t file_mb;
	const char *name; /* of the file, in the root of the store */
	bool has_what;
	bool has_op;
};

struct load_options load_options_default(void);

/* For struct store_program (transport.h). */
extern const struct option load_option_table[];
void load_options_help(void);
bool load_options_take(void *options, int option, const char *text);
bool load_options_complete(void *options);
bool load_options_alone(const void *options);

#endif
