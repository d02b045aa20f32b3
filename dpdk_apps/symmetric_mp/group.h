/*
 * What the processes of a group share, beside ports and buffers: a record in a
 * memzone that the primary makes and the secondaries look up. It says who the
 * group is, and which process polls which queue.
 */
#ifndef SYMMETRIC_MP_GROUP_H
#define SYMMETRIC_MP_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "port.h"

#define GROUP_MAX_PROCS 64

struct group {
	uint64_t magic; /* written last */
	uint32_t version;
	uint16_t num_procs;
	uint16_t port_count;
	struct port_state ports[PORT_MAX];
	/*
	 * Who polls queue i: its process id in the high half, the low half of its start time in
	 * the low one (so that another process that got the same id is not taken for it); 0:
	 * nobody. One word, so that it is claimed by one compare-and-swap and no process that
	 * is killed can leave it half written or locked.
	 */
	uint64_t claims[GROUP_MAX_PROCS];
	/* 1 + the lcore id of who claimed it: the buffer pool has one cache, unlocked, for each. */
	uint32_t lcores[GROUP_MAX_PROCS];
};

/* Primary: makes the record, which nobody can join before group_open(). NULL after a message. */
struct group *group_create(uint16_t num_procs);
void group_open(struct group *g);

/* Secondary: finds the record and checks that it is of the same arrangement. NULL after a message.
 */
struct group *group_join(uint16_t num_procs, const uint16_t *ports, uint16_t port_count);

/*
 * Takes queue `proc_id`, from a dead process if need be. False after a message if a living
 * process has it, or has the same lcore id.
 */
bool group_claim(struct group *g, uint16_t proc_id, unsigned int lcore);
void group_release(struct group *g, uint16_t proc_id);

/* Waits until no other process of the group lives. False after a message if that takes too long. */
bool group_wait_others(struct group *g, uint16_t proc_id, unsigned int timeout_ms);

#endif
