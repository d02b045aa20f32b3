/*
 * The options that both generators (traffic over DPDK, tcp_traffic over TCP)
 * have, so that the two transports are driven alike.
 *
 * A program puts GENERATOR_LONG_OPTIONS into its getopt_long() table, gives values
 * in GENERATOR_OPTION_FIRST..GENERATOR_OPTION_LAST to generator_option(), and calls
 * generator_options_check() after the last option.
 *
 * One that measures something else takes those of MEASURING_LONG_OPTIONS the same way,
 * and calls measuring_options_check().
 */
#ifndef COMMON_GENERATOR_OPTIONS_H
#define COMMON_GENERATOR_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include "lifecycle.h"

#define GENERATOR_MAX_FLOWS 4096
#define GENERATOR_MAX_DEPTH 65536

struct generator_options {
	uint32_t flows;
	uint32_t size;	   /* bytes of a message */
	uint32_t min_size; /* of --size; MESSAGE_MIN_BYTES unless the program says otherwise */
	uint32_t depth;	   /* messages outstanding; 0: open loop */
	double rate;	   /* messages per second; 0: closed loop */
	double warmup_s;
	double window_s;
	enum idle_policy idle;
	uint32_t tag;
	uint32_t timeout_ms;
	uint64_t max_samples;
	bool floor;
	bool linger;
	const char *samples; /* path */
	const char *stats;   /* path */
};

enum generator_option {
	GENERATOR_OPTION_FIRST = 1000,
	OPTION_FLOWS = GENERATOR_OPTION_FIRST,
	OPTION_SIZE,
	OPTION_DEPTH,
	OPTION_RATE,
	OPTION_WARMUP,
	OPTION_WINDOW,
	OPTION_IDLE,
	OPTION_TAG,
	OPTION_TIMEOUT_MS,
	OPTION_MAX_SAMPLES,
	OPTION_FLOOR,
	OPTION_LINGER,
	OPTION_SAMPLES,
	OPTION_STATS,
	GENERATOR_OPTION_LAST = OPTION_STATS,
};

/* clang-format off */
#define MEASURING_LONG_OPTIONS \
	{"warmup", required_argument, NULL, OPTION_WARMUP}, \
	{"window", required_argument, NULL, OPTION_WINDOW}, \
	{"linger", no_argument, NULL, OPTION_LINGER}, \
	{"samples", required_argument, NULL, OPTION_SAMPLES}, \
	{"stats", required_argument, NULL, OPTION_STATS}

#define GENERATOR_LONG_OPTIONS \
	{"flows", required_argument, NULL, OPTION_FLOWS}, \
	{"size", required_argument, NULL, OPTION_SIZE}, \
	{"depth", required_argument, NULL, OPTION_DEPTH}, \
	{"rate", required_argument, NULL, OPTION_RATE}, \
	{"idle", required_argument, NULL, OPTION_IDLE}, \
	{"tag", required_argument, NULL, OPTION_TAG}, \
	{"timeout-ms", required_argument, NULL, OPTION_TIMEOUT_MS}, \
	{"max-samples", required_argument, NULL, OPTION_MAX_SAMPLES}, \
	{"floor", no_argument, NULL, OPTION_FLOOR}, \
	MEASURING_LONG_OPTIONS
/* clang-format on */

/* Lines for --help. */
extern const char generator_help[];

/* Everything unset but idle (spin), tag (0) and the given time-out. */
void generator_options_begin(struct generator_options *o, uint32_t timeout_ms);

/* Takes one option's value; false after a message if it is wrong. Sizes are at most `max_size`. */
bool generator_option(struct generator_options *o, int option, const char *text, uint32_t max_size);

/* Whether what is needed was given, and exactly one of depth and rate; sets max_samples where it
 * was not given. */
bool generator_options_check(struct generator_options *o);

/* Whether warm-up, window and both files were given. */
bool measuring_options_check(const struct generator_options *o);

#endif
