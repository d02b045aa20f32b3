/*
 * What the processes of simple_mp share: two rings and one mempool, which the primary
 * makes and the secondaries look up. There is no fourth object: who is in the group,
 * and which version of this file it was built from, stands in the mempool's private
 * data.
 *
 * A message lies in an object of the mempool. The primary takes it from there and puts
 * it on the ring to the secondaries; one of them reads it and puts it, as it is, on the
 * ring back; the primary gives it to the mempool again. So only the primary's cache of
 * the mempool is ever used, and an object is always with exactly one process or ring.
 * Each ring has room for all objects, so that none is ever full.
 */
#ifndef SIMPLE_MP_SPACE_H
#define SIMPLE_MP_SPACE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mempool.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "roster.h"

/* Changes with the layout of what is shared. Tests build a program of another one. */
#ifndef SPACE_VERSION
#define SPACE_VERSION 1
#endif

#define SPACE_MAX_MESSAGE 2048
#define SPACE_MAX_SECONDARIES 16
/* All but one of the slots of a ring of a power of two, which is what a mempool wants too. */
#define SPACE_OBJECTS 2047
#define SPACE_BURST 32

enum ring_mode { RING_MP_MC, RING_SP_SC, RING_RTS, RING_HTS, RING_MODES };

extern const char *const ring_mode_names[RING_MODES + 1];

enum object_kind {
	OBJECT_MEASURED, /* a message of the meter's */
	OBJECT_TEXT,	 /* what a person typed */
};

/* An object of the mempool. But for the message, which is read only by then, it is the primary's.
 */
struct object {
	uint32_t length; /* of the message */
	uint16_t kind;
	uint16_t out; /* with the secondaries, or on its way to or from them */
	uint64_t seq; /* of a measured one */
	uint8_t message[SPACE_MAX_MESSAGE];
};

/*
 * What goes over the ring back: which object, from whom, and when it came there. The time is not
 * in the object because writing to it would take its cache line to the secondary and back once
 * more; the ring's own line goes that way in any case.
 */
struct reply {
	uint64_t object_and_place; /* objects lie on cache lines: their low six bits are free */
	uint64_t tick;
};

#define REPLY_PLACE_BITS 6u

static inline struct reply
reply_make(const struct object *o, uint16_t place, uint64_t tick)
{
	return (struct reply){.object_and_place = (uintptr_t)o | place, .tick = tick};
}

static inline struct object *
reply_object(const struct reply *r)
{
	return (struct object *)(uintptr_t)(r->object_and_place & ~UINT64_C(63));
}

static inline uint16_t
reply_place(const struct reply *r)
{
	return (uint16_t)(r->object_and_place & 63);
}

/* The mempool's private data. Places in the roster: 0 is the primary, I the secondary I. */
struct space_record {
	uint64_t magic; /* written last */
	uint32_t version;
	uint32_t secondaries; /* how many may be there */
	uint32_t size;	      /* of measured messages */
	uint32_t tag;
	bool closing; /* the primary ends: so shall the secondaries */
	struct roster roster;
	uint32_t taken_over[ROSTER_PLACES]; /* times that a place was that of a dead process */
};

/* One process's view. */
struct space {
	struct rte_ring *down; /* of struct object *: primary to secondaries */
	struct rte_ring *up;   /* of struct reply: secondaries to primary */
	struct rte_mempool *pool;
	struct space_record *record;
};

/* Primary: makes all three. 0, or -1 after a message. */
int space_create(struct space *s, enum ring_mode mode, uint32_t secondaries, uint32_t size,
		uint32_t tag);
/* Primary: from now on secondaries may join. */
void space_open(struct space *s);

/* Secondary: finds all three and takes place `id`. EXIT_DONE, or what to exit with after a message.
 */
int space_join(struct space *s, uint16_t id, unsigned int lcore);

/* How a ring's one end stands: a process that is within an operation has moved `head`, not `tail`.
 */
struct ring_end {
	uint32_t head;
	uint32_t tail;
};

/* The ends that secondaries use: of `down` they take, to `up` they give. */
struct ring_end space_taking_end(const struct space *s);
struct ring_end space_giving_end(const struct space *s);

/* The mode of the rings, as `--ring` spells it. */
const char *space_mode_name(const struct space *s);

/* The --file-prefix of this process. */
const char *space_prefix(void);

#endif
