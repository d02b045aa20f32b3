/* The statistics that mp_server leaves (docs/stats-format.md). */
#ifndef CLIENT_SERVER_SERVER_REPORT_H
#define CLIENT_SERVER_SERVER_REPORT_H

#include <stdint.h>

#include "port_report.h"
#include "server.h"
#include "server_options.h"

/* What is gathered as the process ends. */
struct server_report {
	const struct server_options *options;
	const struct server *server;
	const struct driver_stats *driver; /* [port_count] */
	struct killed_buffers killed;
	uint32_t pool_in_use;
	double ticks_per_s;
};

/* 0, or -1 after a message. */
int server_report_write(const struct server_report *r);

#endif
