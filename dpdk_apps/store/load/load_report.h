/* What the load client leaves: its samples and its statistics (docs/stats-format.md). */
#ifndef STORE_LOAD_REPORT_H
#define STORE_LOAD_REPORT_H

#include "floor_answerer.h"
#include "load_run.h"
#include "rpc_answerer.h"
#include "transport.h"

/* Who answered: one of the two. */
struct load_server {
	struct rpc_answerer *rpc;
	struct transport *transport;
	struct floor_answerer *floor;
};

/* `asked`: requests before and behind the measurement, which were answered as well. 0, or -1 after
 * a message. */
int load_report(const struct load *l, const struct load_server *server, uint64_t asked,
		double ticks_per_s);

#endif
