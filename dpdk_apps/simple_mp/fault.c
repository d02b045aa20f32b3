#include "fault.h"

#include <signal.h>
#include <stdlib.h>

#include <rte_branch_prediction.h>

const char *const fault_names[FAULTS + 1] = {"none", "idle", "holding", "enqueue", "dequeue", NULL};

void
fault_die(void)
{
	(void)raise(SIGKILL);
	abort(); /* not reached: SIGKILL cannot be held back */
}

/*
 * The first step of an operation is DPDK's own, by the functions that rte_ring_*() are made of; the
 * second, the move of the tail, never comes.
 */
void
fault_die_giving(const struct space *s)
{
	struct rte_ring *r = s->up;
	uint32_t head;
	uint32_t next;
	uint32_t left;

	switch (r->prod.sync_type) {
	case RTE_RING_SYNC_MT_RTS:
		(void)__rte_ring_rts_move_prod_head(r, 1, RTE_RING_QUEUE_FIXED, &head, &left);
		break;
	case RTE_RING_SYNC_MT_HTS:
		(void)__rte_ring_hts_move_prod_head(r, 1, RTE_RING_QUEUE_FIXED, &head, &left);
		break;
	default:
		(void)__rte_ring_move_prod_head(r, r->prod.sync_type == RTE_RING_SYNC_ST, 1,
				RTE_RING_QUEUE_FIXED, &head, &next, &left);
	}
	fault_die();
}

void
fault_die_taking(const struct space *s)
{
	struct rte_ring *r = s->down;
	uint32_t head;
	uint32_t next;
	uint32_t left;
	uint32_t n;

	switch (r->cons.sync_type) {
	case RTE_RING_SYNC_MT_RTS:
		n = __rte_ring_rts_move_cons_head(r, 1, RTE_RING_QUEUE_FIXED, &head, &left);
		break;
	case RTE_RING_SYNC_MT_HTS:
		n = __rte_ring_hts_move_cons_head(r, 1, RTE_RING_QUEUE_FIXED, &head, &left);
		break;
	default:
		n = __rte_ring_move_cons_head(r, r->cons.sync_type == RTE_RING_SYNC_ST, 1,
				RTE_RING_QUEUE_FIXED, &head, &next, &left);
	}
	if (n > 0)
		fault_die();
}
