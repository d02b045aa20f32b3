/* How a secondary learns within 1 s that its primary is gone, without it showing in a latency. */
#ifndef COMMON_DPDK_PRIMARY_WATCH_H
#define COMMON_DPDK_PRIMARY_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_cycles.h>

#include "eal.h"

/* The look at the primary's lock takes microseconds: often enough for 1 s, too rarely to be seen in
 * a latency. */
#define PRIMARY_LOOKS_PER_S 5
/* Turns of the loop between looks at the clock: even at 30 us a turn this is under 10 ms. */
#define PRIMARY_TURNS_PER_CLOCK_LOOK 256

struct primary_watch {
	uint64_t next_look; /* ticks */
	uint32_t turn;
};

/* After a wait that may have been long: whether the primary is gone. */
static inline bool
primary_lost_by_now(struct primary_watch *w)
{
	uint64_t now = rte_get_timer_cycles();

	if (now < w->next_look)
		return false;
	w->next_look = now + rte_get_timer_hz() / PRIMARY_LOOKS_PER_S;
	return !eal_primary_alive();
}

/* Once every turn of a polling loop: whether the primary is gone. */
static inline bool
primary_lost(struct primary_watch *w)
{
	return unlikely(++w->turn % PRIMARY_TURNS_PER_CLOCK_LOOK == 0) && primary_lost_by_now(w);
}

#endif
