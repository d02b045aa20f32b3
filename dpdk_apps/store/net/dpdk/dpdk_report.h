/* What a carrier over DPDK writes into the statistics of its program (docs/stats-format.md). */
#ifndef STORE_DPDK_REPORT_H
#define STORE_DPDK_REPORT_H

#include "dpdk_carrier.h"
#include "stats.h"

/* "mtu", "queues", "links", "driver_stats", "pool". Its ports have begun and not ended. */
void dpdk_report(const struct dpdk_carrier *c, uint16_t mtu, struct stats *s);

#endif
