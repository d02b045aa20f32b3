/* What the store's server leaves: its statistics (docs/stats-format.md). */
#ifndef STORE_SERVER_REPORT_H
#define STORE_SERVER_REPORT_H

#include "serving.h"

/* `executor` is NULL where there is none. 0, or -1 after a message. */
int server_report(const struct server_options *o, const struct serving *v,
		const struct executor_counts *executor, const struct transport *t);

#endif
