/*
 * Packet buffers of one process group, sized so that no queue, burst or cache can
 * starve another: descriptors of all queues (port_mbufs()), and for each process
 * what pool_mbufs_of_process() says. A buffer takes about 2.4 KiB of huge pages.
 */
#ifndef COMMON_DPDK_POOL_H
#define COMMON_DPDK_POOL_H

#include <stdint.h>

#include <rte_mempool.h>

/* Free buffers that a process keeps for itself; the mempool lets it grow to half as much again. */
#define POOL_CACHE 128

/* What one process may hold beside the descriptors: its cache, one burst in hand, one being freed.
 */
static inline uint32_t
pool_mbufs_of_process(uint32_t burst)
{
	return POOL_CACHE + POOL_CACHE / 2 + 2 * burst;
}

/* NULL after a message. */
struct rte_mempool *pool_create(const char *name, uint32_t mbufs);

/* Above this MTU a buffer takes POOL_JUMBO_BYTES of packet instead of 2 KiB. */
#define POOL_USUAL_MTU 1500
/* Also what a frame of net_af_packet must be made large (framesz): it takes no buffers smaller than
 * its frames. */
#define POOL_JUMBO_BYTES 10240

/* The same for packets of an MTU; 0 is the usual one. */
struct rte_mempool *pool_create_for(const char *name, uint32_t mbufs, uint16_t mtu);

/* Gives the calling thread's cached buffers back. */
void pool_flush_cache(struct rte_mempool *pool);

/*
 * Forgets the buffers in the cache of `lcore`, whose process was killed, and returns how many they
 * were: it may have died in the middle of a change to the cache, when a buffer stands in it that is
 * in use elsewhere too. Lost buffers do less harm than buffers with two owners.
 */
uint32_t pool_discard_cache(struct rte_mempool *pool, unsigned int lcore);

#endif
