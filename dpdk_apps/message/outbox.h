/*
 * Frames that wait to be handed to the driver, in order. In a closed loop what the
 * driver does not take stays here; in an open loop it is dropped and counted, as a NIC
 * would, and its message is lost: the schedule waits for nobody.
 */
#ifndef MESSAGE_OUTBOX_H
#define MESSAGE_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "capture.h"
#include "link.h"
#include "meter.h"
#include "outgoing.h"
#include "schedule.h"

#define OUTBOX_FRAMES (2 * OUTGOING_MAX_RECORDS)

struct outbox {
	struct rte_mbuf *frames[OUTBOX_FRAMES]; /* ours until the driver takes them */
	uint64_t digests[OUTBOX_FRAMES];	/* of the message whose first frame it is */
	uint16_t lanes[OUTBOX_FRAMES];
	bool first[OUTBOX_FRAMES]; /* the message begins with this frame */
	uint16_t begin;		   /* frames [begin, end) wait */
	uint16_t end;
	uint64_t made;	 /* messages, those that wait among them: the number of the next */
	uint64_t digest; /* of all messages that were sent */
};

/* Room for one more message of so many frames. */
static inline bool
outbox_has_room(const struct outbox *b, uint16_t frames)
{
	return OUTBOX_FRAMES - b->end >= frames;
}

/* Makes the next message. False where no packet buffer is free: nothing was made. */
bool outbox_make(struct outbox *b, struct link *l, struct outgoing *o, const struct meter *m);

/* Sends what waits. `schedule` is NULL in a closed loop. Returns how many frames left. */
uint32_t outbox_send(struct outbox *b, struct link *l, struct meter *m,
		const struct schedule *schedule, uint16_t burst, struct capture *c);

/* Frees all messages of which nothing was sent yet. */
void outbox_discard(struct outbox *b);

/* The same, and what waits of a message that was sent in part is dropped as unflushed: nothing is
 * kept any more. */
void outbox_end(struct outbox *b, struct link *l);

/* Counts all that waits as unflushed and frees none of it: where a driver's fault cut the sending
 * off, nobody knows what the driver had taken. */
void outbox_abandon(struct outbox *b, struct link *l);

#endif
