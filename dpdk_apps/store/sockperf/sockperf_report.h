/* What store_sockperf leaves behind. */
#ifndef STORE_SOCKPERF_REPORT_H
#define STORE_SOCKPERF_REPORT_H

#include <stdint.h>

#include "sockperf_options.h"

/* The server's statistics. An exit code. */
int sockperf_report_server(const struct sockperf_arguments *a);

/* Makes samples and statistics of the log that the ping-pong left at `path`. An exit code. */
int sockperf_report_log(const struct sockperf_arguments *a, const char *path);

/* For how many whole seconds, which is all that it takes, sockperf has to run. */
uint32_t sockperf_seconds(const struct sockperf_arguments *a);

#endif
