/*
 * One port of a carrier: bursts of frames in and out, its packet buffers, and its link. A memif
 * link ends when the process at its other end does, in the middle of a burst or between two; the
 * port counts what that cost, and is brought back as soon as there is another end.
 */
#ifndef STORE_DPDK_PORT_H
#define STORE_DPDK_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "burst_guard.h"
#include "dpdk_restart.h"
#include "port.h"
#include "port_report.h"

#define DPDK_BURST 32
/* Frames that wait for others to leave with them, at most. */
#define DPDK_GATHER 16

struct dpdk_port {
	struct burst_guard *guard;
	struct rte_mempool *pool; /* no other port's */
	struct port_state state;
	bool up;
	bool restarts;		     /* it does not connect again by itself */
	struct dpdk_restart restart; /* while it is under way, the port is not ours */
	uint64_t seen;		     /* tick of the last look at a link that is down */
	uint64_t looked;	     /* tick of the last try to bring it back */
	uint64_t retry;		     /* ticks between two */
	uint32_t idle;		     /* looks in vain since the link was looked at */

	/* Buffers of the pool: those that we have, and those that faults made nobody's. */
	uint32_t held;
	uint32_t lost;

	/* Frames that are to leave; ours. */
	uint16_t waiting;
	uint16_t gather; /* how many leave at once where more are to be expected */
	struct rte_mbuf *outbox[DPDK_GATHER];

	/* A buffer for the next frame, taken when the one before had left: then nobody waits for
	 * it. Ours; NULL: there is none. */
	struct rte_mbuf *ready;

	struct queue_counts counts;
	uint64_t tx_full;    /* times that the queue did not take all of a burst */
	uint64_t pool_empty; /* frames for which there was no buffer */
	uint64_t unsent;     /* frames that were to leave when the link ended */
	uint64_t links;	     /* times that the link came up */
	uint64_t faults;     /* bursts that the end of the link cut off */
};

/* Starts the port with a pool of its own. EXIT_DONE, or the code to exit with after a message. The
 * link need not be up. */
int dpdk_port_begin(struct dpdk_port *p, uint16_t port, const struct port_wish *wish,
		struct burst_guard *guard);

/* Frees what waits, stops and closes. False after a message, where the port could not be stopped:
 * DPDK's memory must stay as it is. */
bool dpdk_port_end(struct dpdk_port *p);

/* Packets that its receive queue holds. */
uint16_t dpdk_port_queue(const struct dpdk_port *p);

/* Looks at the link of a port that is not up, and brings it back where it can. */
void dpdk_port_revive(struct dpdk_port *p);

/* Whether the link of one that is up still is; where it ended, what waited is freed. */
bool dpdk_port_look(struct dpdk_port *p);

/* After a burst that the end of the link cut off: frees what it had taken into `frames`. */
void dpdk_port_cut_off(struct dpdk_port *p, struct rte_mbuf **frames);

/* Looks in vain between looks at the link. */
#define DPDK_LOOKS_PER_LINK 256

/*
 * Takes what has come, at most DPDK_BURST frames, which are the caller's. Look at `up` after it.
 * Here, so that a look in vain, which most are, is short: what comes waits for the end of one.
 */
static inline uint16_t
dpdk_port_receive(struct dpdk_port *p, struct rte_mbuf **frames)
{
	int came = burst_receive(p->guard, p->state.port, 0, frames, DPDK_BURST);

	if (came == 0) {
		if (unlikely(++p->idle >= DPDK_LOOKS_PER_LINK))
			(void)dpdk_port_look(p);
		return 0;
	}
	if (unlikely(came == BURST_FAULT)) {
		dpdk_port_cut_off(p, frames);
		return 0;
	}
	p->idle = 0;
	p->held += (uint32_t)came;
	p->counts.rx_packets += (uint32_t)came;
	return (uint16_t)came;
}

/* Sends what waits, as far as the queue takes it. Look at `up` after it. */
void dpdk_port_flush(struct dpdk_port *p);

/* A buffer for a frame, of which the caller becomes owner. NULL: none is free, or too many frames
 * wait already. */
struct rte_mbuf *dpdk_port_frame(struct dpdk_port *p);

/* Takes over the frame of dpdk_port_frame(): it leaves at once, or where `more` are to be expected,
 * in the next dpdk_port_flush() at the latest. */
void dpdk_port_send(struct dpdk_port *p, struct rte_mbuf *m, bool more);

/* Gives back a frame of dpdk_port_receive(). */
static inline void
dpdk_port_free(struct dpdk_port *p, struct rte_mbuf *m)
{
	p->held--;
	/* Nearly all are of one buffer that nobody else has. */
	if (likely(m->nb_segs == 1 && rte_mbuf_refcnt_read(m) == 1 && RTE_MBUF_DIRECT(m)))
		rte_mbuf_raw_free(m);
	else
		rte_pktmbuf_free(m);
}

#endif
