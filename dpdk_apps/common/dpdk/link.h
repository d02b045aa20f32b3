/*
 * The ports of a generator and what goes over them: which flow leaves by which
 * port and queue, how its frames are made, and what of the received frames is ours.
 */
#ifndef COMMON_DPDK_LINK_H
#define COMMON_DPDK_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "clock.h"
#include "driver_guard.h"
#include "frame.h"
#include "generator_options.h"
#include "link_options.h"
#include "port.h"
#include "port_report.h"

/* UDP port that all flows go to. */
#define LINK_UDP_PORT 9000

/* Why a received frame is none of the measurement's messages, or why one was not sent. */
enum link_drop {
	/* first FRAME_ERRORS values: as frame_read() says */
	LINK_FOREIGN = FRAME_ERRORS, /* other addresses or ports than ours */
	LINK_LATE_PROBE,	     /* the echo of a probe, after probing */
	LINK_WRONG_FLOW,	     /* its UDP source port is not that of its message */
	LINK_REFUSED,	     /* the meter refused the message: see corrupt, foreign, short */
	LINK_RECEIVED_DROPS, /* number of those before; the others were to be sent */
	LINK_UNFLUSHED = LINK_RECEIVED_DROPS, /* still waiting when the program ended */
	LINK_RING_FULL,			      /* the queue took no more and it was not kept */
	LINK_DROPS,			      /* number of values */
};

/* One queue of one port. */
struct lane {
	uint16_t port;
	uint16_t queue;
	uint16_t port_index;
	struct queue_counts counts;
	uint64_t probes;  /* echoes of probes that came while probing */
	uint64_t tx_full; /* times that the queue took less than it was given; sent again, so not
			     lost */
	uint64_t drops[LINK_DROPS];
};

struct link {
	struct driver_guard guard; /* for loops over the link */
	struct rte_mempool *pool;
	struct port_state ports[PORT_MAX];
	struct frame_ends ends[PORT_MAX];
	struct frame_template templates[PORT_MAX];	 /* for messages of `size` bytes */
	struct frame_template other_templates[PORT_MAX]; /* for the last one of another size */
	struct lane *lanes;				 /* [port_count * queues] */
	uint16_t *lane_of; /* [flows]: index of the lane that a flow leaves by */
	uint32_t flows;
	uint32_t size;
	uint16_t burst; /* frames taken at once from a queue */
	uint16_t port_count;
	uint16_t queues;
	uint16_t lane_count;
	uint64_t pool_empty;
};

/*
 * Starts the ports and waits for their links. `g` tells the number of flows and the bytes of
 * a message. EXIT_DONE, or the code to exit with after a message.
 */
int link_begin(struct link *l, const struct link_options *o, const struct generator_options *g);

/*
 * Ends the ports. Where `stats` is no NULL, it is the finished statistics file of this process,
 * which gets the "pool": only now the drivers have given back what they held. Frames that the
 * caller still has show as missing there. 0, or -1 after a message. Not once its guard has tripped:
 * such a program leaves its memory as it is.
 */
int link_end(struct link *l, const char *stats);

/* Whether the guard has tripped, after a message that says so. */
bool link_lost(const struct link *l);

/* From now on, frames that leave by port `port_index` go to `mac`. */
void link_set_peer(struct link *l, uint16_t port_index, const struct rte_ether_addr *mac);

/* Name of a drop, as the statistics spell it. */
const char *link_drop_name(enum link_drop reason);

/* Room for a message of `bytes` bytes in a new frame, with the message's place in `payload`. NULL:
 * no buffer is free. */
struct rte_mbuf *link_frame(struct link *l, uint32_t bytes, uint8_t **payload);

/* Completes the frame of link_frame(), whose message has been written, for `flow`. */
void link_finish(struct link *l, struct rte_mbuf *m, uint32_t flow);

/* Sends as many of `n` frames by `lane` as it takes and returns how many; the others remain the
 * caller's. */
uint16_t link_send(struct link *l, struct lane *lane, struct rte_mbuf **frames, uint16_t n);

/* Is shown a frame that came by `lane`, seen at `tick`; the frame remains the link's. */
typedef void link_take(void *self, struct lane *lane, struct rte_mbuf *m, uint64_t tick);

/* One look at every queue. Returns how many frames came. Here, so that `take` becomes part of the
 * caller's loop. */
static inline uint32_t
link_poll(struct link *l, link_take *take, void *self)
{
	struct rte_mbuf *frames[LINK_MAX_BURST];
	uint32_t all = 0;

	for (uint16_t i = 0; i < l->lane_count; i++) {
		struct lane *lane = &l->lanes[i];
		uint64_t tick;
		uint16_t n;

		driver_enter(&l->guard);
		n = rte_eth_rx_burst(lane->port, lane->queue, frames, l->burst);
		driver_leave(&l->guard);
		if (n == 0)
			continue;
		tick = clock_ticks();
		for (uint16_t j = 0; j < n; j++)
			take(self, lane, frames[j], tick);
		rte_pktmbuf_free_bulk(frames, n);
		all += n;
	}
	return all;
}

/*
 * Reads a received frame. True with the message's place and the flow that its port tells;
 * false, having counted why, if it is not ours.
 */
bool link_read(const struct link *l, struct lane *lane, struct rte_mbuf *m, struct frame *f,
		uint32_t *flow);

/*
 * Writes "queues": what went through each, and "accounting": what was received is a probe's echo,
 * dropped by a reason, or one of the `taken`, of which the caller knows what became.
 */
void link_report(struct stats *s, const struct link *l, uint64_t taken);

#endif
