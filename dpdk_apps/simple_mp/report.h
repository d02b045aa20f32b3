/* The statistics and samples that a process of simple_mp leaves (docs/stats-format.md). */
#ifndef SIMPLE_MP_REPORT_H
#define SIMPLE_MP_REPORT_H

#include <stdint.h>

#include "command_line.h"
#include "echo.h"
#include "exchange.h"

/* What the primary gathers as it ends. */
struct primary_report {
	const struct command_line *line;
	const struct exchange *exchange;
	const char *ended;
	uint32_t pool_in_use;
	uint32_t out; /* objects that nobody can give back any more */
	double ticks_per_s;
};

/* Both files of samples. 0, or -1 after a message. */
int report_samples(const struct command_line *c, const struct exchange *x, double ticks_per_s);

/* 0, or -1 after a message. */
int report_primary(const struct primary_report *r);
int report_secondary(const struct command_line *c, const struct echo *e, enum echo_ending ending,
		double ticks_per_s);

#endif
