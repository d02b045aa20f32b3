/* What all programs over DPDK write about ports and buffers in their statistics
 * (docs/stats-format.md). */
#ifndef COMMON_DPDK_PORT_REPORT_H
#define COMMON_DPDK_PORT_REPORT_H

#include <stdint.h>

#include <rte_ethdev.h>
#include <rte_mempool.h>

#include "port.h"
#include "stats.h"

/* What went through one queue of one port. */
struct queue_counts {
	uint64_t rx_packets;
	uint64_t rx_bytes;
	uint64_t tx_packets;
	uint64_t tx_bytes;
};

/* Opens an entry of "queues"; the caller adds "drops" and what else it knows, and ends the object.
 */
void report_queue_begin(struct stats *s, const struct port_state *port, uint16_t queue,
		const struct queue_counts *counts);

/* One packet buffer or drop reason and how many of it there are. */
struct named_count {
	const char *name;
	uint64_t count;
};

/* An object `key` of reasons and counts. */
void report_reasons(struct stats *s, const char *key, const struct named_count *reasons,
		unsigned int n);

/* "accounting": `in` = `out` + `drops`, or the trial is invalid. */
void report_accounting(struct stats *s, uint64_t in, uint64_t out, uint64_t drops);

/* The same with the drops by reason, for a process whose "queues" do not tell them. */
void report_accounting_reasons(struct stats *s, uint64_t in, uint64_t out, uint64_t drops,
		const struct named_count *reasons, unsigned int n);

/*
 * "pool": size, buffers not given back, and `explained`: how many of those are known to be where,
 * such as lost with a process that was killed.
 */
void report_pool(struct stats *s, const struct rte_mempool *pool, uint32_t in_use,
		const struct named_count *explained, unsigned int n);

/* What the driver of one port has counted. */
struct driver_stats {
	int error; /* what its call failed with, as errno has it: it counted we know not what */
	struct rte_eth_stats counts;
};

/* Asks the drivers of `ports`. */
void driver_stats_read(const struct port_state *ports, uint16_t count,
		struct driver_stats stats[PORT_MAX]);

/* "driver_stats": what they counted, per port; of one that failed, why, and no number. */
void report_driver_stats(struct stats *s, const struct port_state *ports, uint16_t count,
		const struct driver_stats *stats);

#endif
