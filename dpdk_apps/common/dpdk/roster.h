/*
 * Who is in a group of processes: a record in shared memory with a place for each,
 * which a living process holds and a dead one loses. It also keeps two processes
 * from one lcore id, which the EAL does not check and which corrupts the mempool's
 * unlocked caches.
 *
 * The memory must be zero at first. Any process of the group may call anything.
 */
#ifndef COMMON_DPDK_ROSTER_H
#define COMMON_DPDK_ROSTER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define ROSTER_PLACES 64

struct roster {
	/*
	 * Who holds place i: its process id in the high half, the low half of its start time in
	 * the low one (so that another process that got the same id is not taken for it); 0:
	 * nobody. One word, so that it is claimed by one compare-and-swap and no process that
	 * is killed can leave it half written or locked.
	 */
	uint64_t claims[ROSTER_PLACES];
	/* 1 + the lcore id of who claimed it: the buffer pool has one cache, unlocked, for each. */
	uint32_t lcores[ROSTER_PLACES];
};

/*
 * Takes `place`, from a dead process if need be, for this process, which runs on lcore `lcore`.
 * False after a message if a living process has it, or has the same lcore id in any place: the
 * place is then as it was, and a death in it still to be seen.
 * `option` is what the place is called on the command line, such as "--proc-id".
 */
bool roster_claim(struct roster *r, uint16_t place, unsigned int lcore, const char *option);
void roster_release(struct roster *r, uint16_t place);

/* The living process that holds `place`, or 0. */
pid_t roster_holder(const struct roster *r, uint16_t place);

/* Whether `place` is claimed by a process that has ended: it was killed, for others release. */
bool roster_died(const struct roster *r, uint16_t place);

/* Waits until nobody but `place` lives. False after a message if that takes too long. */
bool roster_wait_others(
		struct roster *r, uint16_t place, unsigned int timeout_ms, const char *option);

#endif
