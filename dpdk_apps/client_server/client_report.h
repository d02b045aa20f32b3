/* The statistics that mp_client leaves (docs/stats-format.md). */
#ifndef CLIENT_SERVER_CLIENT_REPORT_H
#define CLIENT_SERVER_CLIENT_REPORT_H

#include "client.h"
#include "client_options.h"

/* What is gathered as the process ends. */
struct client_report {
	const struct client_options *options;
	const struct client *client;
	/* What the place had counted before: another process did that. */
	const struct client_counts *before;
	enum ending ending;
	double ticks_per_s;
};

/* 0, or -1 after a message. */
int client_report_write(const struct client_report *r);

#endif
