/* What `sockperf --full-log` writes, as samples: each message with its times in seconds. */
#ifndef STORE_SOCKPERF_LOG_H
#define STORE_SOCKPERF_LOG_H

#include <stdint.h>

#include "foreign_report.h"
#include "recorder.h"

/* At its beginning sockperf leaves out so much by itself, and so much at its end. */
#define SOCKPERF_WARMUP_S 0.4
#define SOCKPERF_COOLDOWN_S 0.05

struct sockperf_log {
	struct recorder *recorder; /* with a window; the caller's to destroy. NULL: none */
	double window_s;	   /* how long the window is: shorter where the log ends before */
	uint64_t dropped;	   /* messages that sockperf missed */
};

/* Reads the log: what was sent from `skip_s` after the first message on, for `window_s`, is the
 * window. 0, or -1 after one clear line. */
int sockperf_log_read(const char *path, double skip_s, double window_s, struct sockperf_log *log);

#endif
