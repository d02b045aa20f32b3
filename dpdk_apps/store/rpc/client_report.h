/* What a client of the store tells in its statistics (docs/stats-format.md). */
#ifndef STORE_CLIENT_REPORT_H
#define STORE_CLIENT_REPORT_H

#include "client.h"
#include "stats.h"

/* Adds "rpc". */
void rpc_client_report(const struct rpc_client_counts *c, struct stats *s);

#endif
