#include "pool.h"

#include <inttypes.h>

#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include "lifecycle.h"

struct rte_mempool *
pool_create(const char *name, uint32_t mbufs)
{
	struct rte_mempool *pool = rte_pktmbuf_pool_create(name, mbufs, POOL_CACHE, 0,
			RTE_MBUF_DEFAULT_BUF_SIZE, (int)rte_socket_id());

	if (pool == NULL)
		complain("no memory for %" PRIu32 " packet buffers (about %" PRIu32
			 " MiB of huge pages): %s; add huge pages (invoke setup-hugepages), or "
			 "use fewer queues or descriptors",
				mbufs, (mbufs >> 10) * 5 / 2 + 2, rte_strerror(rte_errno));
	return pool;
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
