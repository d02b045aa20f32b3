/*
 * What `fio --write_lat_log` writes, as samples: a line for each operation after the ramp time,
 * `milliseconds, latency in ns, direction, bytes, priority`, in the order of their ends.
 */
#ifndef STORE_FIO_LOG_H
#define STORE_FIO_LOG_H

#include "recorder.h"

struct fio_log {
	struct recorder *
			recorder; /* all of it is the window; the caller's to destroy. NULL: none */
	double window_s;	  /* from its beginning to the last end */
};

/*
 * Reads the log at `path`. When an operation ended is known to the millisecond, and how long it
 * took to the nanosecond: the beginnings that follow are right within a millisecond and in order,
 * the durations exact. Operations that failed are in no log: `errors` are lost behind the others.
 * 0, or -1 after one clear line.
 */
int fio_log_read(const char *path, uint64_t errors, struct fio_log *log);

#endif
