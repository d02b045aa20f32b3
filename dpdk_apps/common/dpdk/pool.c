#include "pool.h"

#include <inttypes.h>

#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include "lifecycle.h"

struct rte_mempool *
pool_create_for(const char *name, uint32_t mbufs, uint16_t mtu)
{
	uint16_t room = mtu > POOL_USUAL_MTU ? POOL_JUMBO_BYTES + RTE_PKTMBUF_HEADROOM
					     : RTE_MBUF_DEFAULT_BUF_SIZE;
	struct rte_mempool *pool = rte_pktmbuf_pool_create(
			name, mbufs, POOL_CACHE, 0, room, (int)rte_socket_id());

	if (pool == NULL)
		complain("no memory for %" PRIu32 " packet buffers (about %" PRIu64
			 " MiB of huge pages): %s; add huge pages (invoke setup-hugepages), or "
			 "use fewer queues or descriptors",
				mbufs, ((uint64_t)mbufs * (room + 300u) >> 20) + 2,
				rte_strerror(rte_errno));
	return pool;
}

struct rte_mempool *
pool_create(const char *name, uint32_t mbufs)
{
	return pool_create_for(name, mbufs, POOL_USUAL_MTU);
}

void
pool_flush_cache(struct rte_mempool *pool)
{
	struct rte_mempool_cache *cache = rte_mempool_default_cache(pool, rte_lcore_id());

	if (cache != NULL)
		rte_mempool_cache_flush(cache, pool);
}

uint32_t
pool_discard_cache(struct rte_mempool *pool, unsigned int lcore)
{
	struct rte_mempool_cache *cache = rte_mempool_default_cache(pool, lcore);
	uint32_t lost = cache != NULL ? cache->len : 0;

	if (cache != NULL)
		cache->len = 0;
	return lost;
}
