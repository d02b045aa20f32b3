/*
 * Spreads flows over queues as a NIC does by receive side scaling: a Toeplitz
 * hash over the IPv4/UDP addresses and ports, whose low seven bits choose an entry
 * of a redirection table that deals the queues out in turn. For links whose driver
 * does no such thing (memif: what leaves by queue i arrives on queue i), the sender
 * chooses its queue by it.
 */
#ifndef COMMON_DPDK_SPREAD_H
#define COMMON_DPDK_SPREAD_H

#include <stdint.h>

#define SPREAD_TABLE_ENTRIES 128

/*
 * Flow f has UDP source port SPREAD_FIRST_PORT + f. The hash is linear: flows of a
 * block whose size is a power of two and which begins at a multiple of it differ
 * from its first one by all combinations of a few key columns, and so fall evenly on
 * the queues as soon as these columns span the queue number's bits.
 */
#define SPREAD_FIRST_PORT 49152
#define SPREAD_MAX_FLOWS (65536 - SPREAD_FIRST_PORT)

struct spread {
	uint16_t table[SPREAD_TABLE_ENTRIES];
};

/* Deals `queues` (1..SPREAD_TABLE_ENTRIES) out over the table. */
void spread_init(struct spread *s, uint16_t queues);

/* Toeplitz hash with the key that most NICs come with; all in host byte order. */
uint32_t spread_hash(uint32_t src_ip, uint32_t dst_ip, uint16_t src_port, uint16_t dst_port);

static inline uint16_t
spread_queue(const struct spread *s, uint32_t hash)
{
	return s->table[hash % SPREAD_TABLE_ENTRIES];
}

#endif
