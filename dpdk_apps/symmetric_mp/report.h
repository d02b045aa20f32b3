/* The statistics that a process of symmetric_mp leaves (docs/stats-format.md). */
#ifndef SYMMETRIC_MP_REPORT_H
#define SYMMETRIC_MP_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mempool.h>

#include "forward.h"
#include "group.h"
#include "command_line.h"
#include "port_report.h"

/* What is gathered as the process ends. */
struct report {
	const struct options *options;
	const struct group *group;
	const struct forwarder *forwarder;
	const struct driver_stats
			*driver; /* [port_count], or NULL: a secondary has none of its own */
	enum ending ending;
	bool primary;
	const struct rte_mempool *pool;
	uint32_t pool_in_use;
	double ticks_per_s;
};

/* 0, or -1 after a message. */
int report_write(const struct report *r);

#endif
