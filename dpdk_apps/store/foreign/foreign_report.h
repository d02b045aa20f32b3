/* What a program that is not ours has measured, as our samples and statistics. */
#ifndef STORE_FOREIGN_REPORT_H
#define STORE_FOREIGN_REPORT_H

#include <stdint.h>

#include "recorder.h"
#include "stats.h"

/* The ticks of its recorder are nanoseconds. */
#define FOREIGN_TICKS_PER_S 1e9

struct foreign_run {
	const char *app;
	uint32_t depth; /* operations in flight */
	uint32_t size;	/* bytes of one */
	double warmup_s;
	double window_s;
	double window_actual_s;
	const char *samples; /* path */
	const char *stats;   /* path */
};

/* Opens statistics, with the fields that all of them have. NULL after one clear line. */
struct stats *foreign_stats_begin(const char *path, const char *app, const char *role);

/* An exit code, after one clear line where it is none of success. */
int foreign_stats_end(struct stats *s, const char *path);

/* Writes the samples of the recorder's window and a generator's statistics. An exit code. */
int foreign_report(const struct foreign_run *run, const struct recorder *r);

#endif
