/*
 * What the processes of a group share, beside ports and buffers: a record in a
 * memzone that the primary makes and the secondaries look up. It says who the
 * group is, and which process polls which queue.
 */
#ifndef SYMMETRIC_MP_GROUP_H
#define SYMMETRIC_MP_GROUP_H

#include <stdint.h>

#include "port.h"
#include "roster.h"

#define GROUP_MAX_PROCS ROSTER_PLACES

struct group {
	uint64_t magic; /* written last */
	uint32_t version;
	uint16_t num_procs;
	uint16_t port_count;
	struct port_state ports[PORT_MAX];
	struct roster roster; /* its place is the queue that a process polls */
};

/* Primary: makes the record, which nobody can join before group_open(). NULL after a message. */
struct group *group_create(uint16_t num_procs);
void group_open(struct group *g);

/* Secondary: finds the record and checks that it is of the same arrangement. NULL after a message.
 */
struct group *group_join(uint16_t num_procs, const uint16_t *ports, uint16_t port_count);

#endif
