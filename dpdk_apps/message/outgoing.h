/*
 * A message on its way out: its body, and the records that carry it. Knows no
 * transport; over DPDK each record becomes a frame, over TCP they follow each other.
 */
#ifndef MESSAGE_OUTGOING_H
#define MESSAGE_OUTGOING_H

#include <stdbool.h>
#include <stdint.h>

#include "payload.h"

/* Most fragments of a message; a larger one is refused. */
#define OUTGOING_MAX_RECORDS 256

/* What all messages of a run have in common. */
struct message_plan {
	enum record_type type;
	uint32_t bytes;	     /* of body, of a whole message */
	uint32_t part_bytes; /* of body, in each record but the last */
	uint16_t records;    /* that carry one message */
	uint32_t tag;
};

/*
 * Messages of `bytes` of body in records of at most `record_max` bytes, header included. False
 * after a message that says why not: too large for one record (only RECORD_LARGE is split), too
 * small for its type, or too many fragments.
 */
bool message_plan(struct message_plan *p, enum record_type type, uint32_t bytes,
		uint32_t record_max, uint32_t tag);

/* Bytes of record `index` of a message. */
uint32_t message_plan_record_bytes(const struct message_plan *p, uint16_t index);

/* Bytes of all records of a message. */
uint32_t message_plan_bytes(const struct message_plan *p);

struct outgoing {
	const struct message_plan *plan;
	uint8_t *body; /* of message `seq` */
	uint32_t seq;
	uint64_t digest; /* payload_digest() of it */
};

/* 0, or -1 with errno set. */
int outgoing_begin(struct outgoing *o, const struct message_plan *plan);
void outgoing_end(struct outgoing *o);

/* Makes message `seq`. */
void outgoing_make(struct outgoing *o, uint32_t seq);

/* Writes record `index` of the message to `to`; returns its bytes. */
uint32_t outgoing_record(const struct outgoing *o, uint16_t index, uint8_t *to);

/* "bytes", "struct" or "large". */
bool option_payload(const char *name, const char *text, enum record_type *type);
const char *payload_name(enum record_type type);

#endif
