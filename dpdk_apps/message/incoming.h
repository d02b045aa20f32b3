/*
 * What came: records from the wire become messages, each of which is checked to the
 * last byte, digested and given to the meter. Knows the format and the run's number,
 * and nothing of what the sender has in memory; knows no transport.
 */
#ifndef MESSAGE_INCOMING_H
#define MESSAGE_INCOMING_H

#include <stdint.h>

#include "meter.h"
#include "outgoing.h"
#include "reassembly.h"

struct incoming {
	const struct message_plan *plan;
	struct meter *meter;
	uint64_t age;		       /* ticks that a message may be in pieces */
	uint64_t next_expiry;	       /* ticks */
	struct reassembly *reassembly; /* NULL where messages are not split */
	uint64_t records;	       /* that were taken, whatever came of them */
	uint64_t wrong_wholes; /* messages whose body was wrong though every record was right */
	uint64_t digest;       /* of all messages that came for the first time */
};

/* What came of a record. */
enum incoming_result {
	INCOMING_TAKEN,
	INCOMING_REPEATED, /* a message or fragment that had come before, or comes too late */
	INCOMING_REFUSED,  /* counted by the meter: short, foreign or corrupt */
};

/* Room for `messages` that are being put together at once; `age` in ticks. 0, or -1 with errno set.
 */
int incoming_begin(struct incoming *i, const struct message_plan *plan, struct meter *meter,
		uint32_t messages, uint64_t age);
void incoming_end(struct incoming *i);

/*
 * Records that were of use or came again, by what became of their messages. Not those that were
 * refused. Holds once no message is in pieces any more (reassembly_expire()).
 */
uint64_t incoming_taken(const struct incoming *i);

/* Gives up the messages that are in pieces for longer than their age. Looks twice in that time:
 * none is kept for more than one and a half of it. For every turn of a loop. */
void incoming_expire(struct incoming *i, uint64_t now);

/* Takes the record at `from`, which came at `tick` over flow `flow`. */
enum incoming_result incoming_take(struct incoming *i, const uint8_t *from, size_t available,
		uint32_t flow, uint64_t tick);

#endif
