/*
 * The faults that a command line asks for, to be put between a program and its transport
 * (rpc/fault.h), and what became of them.
 */
#ifndef STORE_FAULT_OPTIONS_H
#define STORE_FAULT_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include "fault.h"
#include "stats.h"

/* Their numbers, as transport.h tells. */
#define FAULT_OPTION_FIRST 3000

struct fault_options {
	uint64_t seed;
	/* `delay` in microseconds here. */
	struct fault_plan out;
	struct fault_plan in;
	bool wanted; /* there are any */
};

/* With a zero at the end. */
extern const struct option fault_option_table[];
void fault_help(void);

struct fault_options fault_options_default(void);

/* Takes one of them; false after a message. */
bool fault_take(struct fault_options *o, int option, const char *text);

/* A list such as "drop=0.1,truncate@7,delay=0.1,delay-us=500": a probability, the n-th packet
 * alone, how long. False after a message that names the option. */
bool fault_plan_parse(const char *name, const char *text, struct fault_plan *plan);

/* The shim around `under`, by the clock of clock.h. NULL with errno set. */
struct fault *fault_options_open(const struct fault_options *o, struct carrier *under);

/* "faults": what was done to packets that went "out" and came "in". */
void fault_report(const struct fault *f, struct stats *s);

#endif
