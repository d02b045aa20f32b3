#include "dpdk_port.h"

#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_devargs.h>
#include <rte_ethdev.h>

#include "clock.h"
#include "lifecycle.h"
#include "pool.h"

#define RETRY_MS 50
/* Looks at a link that is down, between two tries to bring it back. */
#define LOOKS_PER_RETRY 25
/* What memif allows a link to be made in before the next try. */
#define SETTLE_MS 1000
/* Of a queue, whatever is asked for: memif's ring (rsize=10), the frames of net_af_packet
 * (framecnt). */
#define MEMIF_QUEUE 1024
#define AF_PACKET_QUEUE 512

static bool
is_memif(const struct dpdk_port *p)
{
	return strcmp(p->state.driver, "net_memif") == 0;
}

/* net_memif's own name for the end that others connect to; without one it is the other end. */
static bool
is_memif_client(const struct dpdk_port *p)
{
	struct rte_eth_dev_info info;
	const struct rte_devargs *args = NULL;

	if (is_memif(p) && rte_eth_dev_info_get(p->state.port, &info) == 0)
		args = rte_dev_devargs(info.device);
	return args != NULL && (args->args == NULL || strstr(args->args, "role=server") == NULL);
}

static bool
link_is_up(const struct dpdk_port *p)
{
	struct rte_eth_link link;

	return rte_eth_link_get_nowait(p->state.port, &link) == 0 &&
	       link.link_status == RTE_ETH_LINK_UP;
}

int
dpdk_port_begin(struct dpdk_port *p, uint16_t port, const struct port_wish *wish,
		struct burst_guard *guard)
{
	char name[RTE_MEMPOOL_NAMESIZE];
	uint32_t mbufs = port_mbufs(port, wish) + pool_mbufs_of_process(DPDK_BURST);

	if (!port_can(port, 1, false))
		return EXIT_WRONG_USE;
	*p = (struct dpdk_port){.guard = guard, .retry = rte_get_tsc_hz() * RETRY_MS / 1000};
	(void)snprintf(name, sizeof(name), "store_pool%u", port);
	p->pool = pool_create_for(name, mbufs, wish->mtu);
	if (p->pool == NULL || port_start(port, wish, p->pool, &p->state) != 0)
		return EXIT_FAILED;
	p->restarts = is_memif_client(p);
	/* Over memif the other end takes the first while the second is written; a burst of another
	 * driver is a system call. */
	p->gather = is_memif(p) ? 1 : DPDK_GATHER;
	p->looked = clock_ticks();
	return EXIT_DONE;
}

uint16_t
dpdk_port_queue(const struct dpdk_port *p)
{
	if (is_memif(p))
		return MEMIF_QUEUE;
	if (strcmp(p->state.driver, "net_af_packet") == 0)
		return RTE_MIN(p->state.rx_desc, AF_PACKET_QUEUE);
	return p->state.rx_desc;
}

/* Frees the frames in the outbox from the one at `from` on, which have not left. */
static void
drop_waiting(struct dpdk_port *p, uint16_t from)
{
	p->unsent += p->waiting - from;
	rte_pktmbuf_free_bulk(p->outbox + from, (unsigned int)(p->waiting - from));
	p->held -= p->waiting;
	p->waiting = 0;
}

/* The other end has gone. */
static void
lose_link(struct dpdk_port *p)
{
	p->up = false;
	p->idle = 0;
	/* The first try to bring it back is made at once. */
	p->looked = clock_ticks() - p->retry;
	drop_waiting(p, 0);
}

bool
dpdk_port_look(struct dpdk_port *p)
{
	p->idle = 0;
	if (!link_is_up(p))
		lose_link(p);
	return p->up;
}

void
dpdk_port_revive(struct dpdk_port *p)
{
	uint64_t now = clock_ticks();

	/* By the clock: who waits for a server may look seldom, or all the time. */
	if (now - p->seen < p->retry / LOOKS_PER_RETRY || !dpdk_restart_over(&p->restart))
		return;
	p->seen = now;
	if (link_is_up(p)) {
		p->up = true;
		p->links++;
		return;
	}
	if (!p->restarts || now - p->looked < p->retry)
		return;
	p->looked = now;
	/* Where DPDK cannot now, it may the next time. */
	(void)dpdk_restart_begin(&p->restart, p->state.port);
}

/*
 * After a burst that was cut off: how many buffers the pool has given out beside those that were
 * known to be held before it, which may be fewer than none.
 */
static int32_t
taken_in_burst(const struct dpdk_port *p)
{
	return (int32_t)(rte_mempool_in_use_count(p->pool) - p->held - p->lost);
}

/* Of the last buffer that the burst took nobody knows whether it is in `frames` already. */
void
dpdk_port_cut_off(struct dpdk_port *p, struct rte_mbuf **frames)
{
	int32_t taken = taken_in_burst(p);

	p->faults++;
	if (taken > 0) {
		rte_pktmbuf_free_bulk(frames, (unsigned int)taken - 1);
		p->lost++;
	}
	lose_link(p);
}

/* Frees what a send burst had not freed when it was cut off. */
static void
salvage_sent(struct dpdk_port *p)
{
	int32_t freed = -taken_in_burst(p);

	p->faults++;
	drop_waiting(p, freed > 0 ? (uint16_t)freed : 0);
	lose_link(p);
}

void
dpdk_port_flush(struct dpdk_port *p)
{
	uint64_t bytes = 0;
	int sent;

	/* What the driver has taken must not be looked at any more. */
	for (uint16_t i = 0; i < p->waiting; i++)
		bytes += rte_pktmbuf_pkt_len(p->outbox[i]);
	sent = burst_send(p->guard, p->state.port, 0, p->outbox, p->waiting);
	if (unlikely(sent == BURST_FAULT)) {
		salvage_sent(p);
		return;
	}
	p->held -= (uint32_t)sent;
	p->counts.tx_packets += (uint32_t)sent;
	p->waiting -= (uint16_t)sent;
	if (unlikely(p->waiting > 0)) {
		p->tx_full++;
		memmove(p->outbox, p->outbox + sent, p->waiting * sizeof(p->outbox[0]));
		for (uint16_t i = 0; i < p->waiting; i++)
			bytes -= rte_pktmbuf_pkt_len(p->outbox[i]);
	}
	p->counts.tx_bytes += bytes;
}

/* NULL: none is free. */
static struct rte_mbuf *
take_buffer(struct dpdk_port *p)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(p->pool);

	if (likely(m != NULL))
		p->held++;
	return m;
}

struct rte_mbuf *
dpdk_port_frame(struct dpdk_port *p)
{
	struct rte_mbuf *m = p->ready;

	if (unlikely(p->waiting == DPDK_GATHER))
		return NULL;
	p->ready = NULL;
	if (unlikely(m == NULL))
		m = take_buffer(p);
	if (unlikely(m == NULL))
		p->pool_empty++;
	return m;
}

/* Sends a frame that no other waits with. */
static inline void
send_alone(struct dpdk_port *p, struct rte_mbuf *m)
{
	/* What the driver has taken must not be looked at any more. */
	uint32_t bytes = rte_pktmbuf_pkt_len(m);
	int sent = burst_send(p->guard, p->state.port, 0, &m, 1);

	if (likely(sent == 1)) {
		p->held--;
		p->counts.tx_packets++;
		p->counts.tx_bytes += bytes;
		return;
	}
	p->outbox[p->waiting++] = m;
	if (sent == BURST_FAULT)
		salvage_sent(p);
	else
		p->tx_full++;
}

void
dpdk_port_send(struct dpdk_port *p, struct rte_mbuf *m, bool more)
{
	if (likely(p->waiting == 0 && (!more || p->gather == 1))) {
		send_alone(p, m);
	} else {
		p->outbox[p->waiting++] = m;
		if (!more || p->waiting >= p->gather)
			dpdk_port_flush(p);
	}
	if (p->ready == NULL)
		p->ready = take_buffer(p);
}

bool
dpdk_port_end(struct dpdk_port *p)
{
	if (p->pool == NULL)
		return true;
	if (!dpdk_restart_settle(&p->restart, SETTLE_MS)) {
		complain("port %u: net_memif waits for its server and does not come back",
				p->state.port);
		return false;
	}
	drop_waiting(p, 0);
	rte_pktmbuf_free(p->ready);
	/* One that did not start has no driver's name. */
	if (p->state.queues > 0)
		port_end(p->state.port);
	rte_mempool_free(p->pool);
	return true;
}
