/* The two ends of a ping-pong of one frame. */
#ifndef STORE_PINGPONG_H
#define STORE_PINGPONG_H

#include <stdint.h>

#include <rte_mempool.h>

#include "burst_guard.h"
#include "pingpong_options.h"
#include "port.h"
#include "port_report.h"
#include "recorder.h"

struct pingpong {
	const struct pingpong_options *options;
	struct port_state port;
	struct rte_mempool *pool;
	struct burst_guard guard; /* the other end may go away */
	struct queue_counts counts;
	uint64_t tx_full;   /* frames that the queue did not take: freed */
	uint64_t lost_link; /* bursts that the end of the link cut off */
	/* Of ping: */
	struct recorder *recorder;
	uint64_t opened, closed; /* ticks of its window */
};

/* Gives back what comes, until a signal asks to stop or the other end is gone. */
void pong(struct pingpong *p);

/* Asks until a frame comes back. 0, or -1 after one clear line. */
int ping_until_answered(struct pingpong *p);

/* Warm-up and window. A frame that does not come back within a second is lost. */
void ping(struct pingpong *p, double ticks_per_s);

#endif
