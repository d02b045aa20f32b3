/* How the server gives a burst to a client: all of it or nothing. */
#ifndef CLIENT_SERVER_HAND_OVER_H
#define CLIENT_SERVER_HAND_OVER_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_ring.h>

#include "board.h"

/*
 * Enqueues `n` frames, which are then the client's. False if the ring took none of them: they
 * remain the caller's, to free.
 */
static inline bool
hand_over(struct rte_ring *ring, void *const *frames, unsigned int n, struct offer_counts *c)
{
	unsigned int room;

	count_add(&c->offered, n);
	if (likely(rte_ring_sp_enqueue_bulk(ring, frames, n, &room) == n)) {
		count_add(&c->enqueued, n);
		return true;
	}
	count_add(room == 0 ? &c->ring_full : &c->bulk_refused, n);
	return false;
}

#endif
