/*
 * Puts the fragments of messages together, in any order. Memory is bounded: so many
 * messages at once, each of at most so many bytes, none longer than an age. What is
 * given up, because it is too old or makes room for a newer one, is counted with the
 * fragments that it lacked.
 *
 * All fragments of a message but its last are of one length and stand at multiples of
 * it. One that says otherwise contradicts the others and is refused, so none can
 * overlap another.
 */
#ifndef MESSAGE_REASSEMBLY_H
#define MESSAGE_REASSEMBLY_H

#include <stdbool.h>
#include <stdint.h>

#include "record.h"

#define REASSEMBLY_MAX_FRAGMENTS 256

enum reassembly_result {
	REASSEMBLY_WAITS,    /* taken; others are missing */
	REASSEMBLY_WHOLE,    /* taken; the message is whole */
	REASSEMBLY_REPEATED, /* had come before, or its message was whole or given up: left alone */
	REASSEMBLY_REFUSED,  /* too large, or contradicts the others */
};

struct reassembly_counts {
	uint64_t whole;	    /* messages */
	uint64_t given_up;  /* messages: too old, or out of room */
	uint64_t missing;   /* fragments that these lacked */
	uint64_t discarded; /* fragments of theirs that had come */
	uint64_t repeated;  /* fragments */
	uint64_t refused;   /* fragments */
};

struct reassembly;

/* For `messages` at once of at most `bytes` each; `age` in ticks. NULL with errno set. */
struct reassembly *reassembly_create(uint32_t messages, uint32_t bytes, uint64_t age);
void reassembly_destroy(struct reassembly *r);

/*
 * Takes a fragment that came at `now`. Where its message is whole, `body` is it, `f->total` bytes,
 * until the next call.
 */
enum reassembly_result reassembly_add(
		struct reassembly *r, const struct record *f, uint64_t now, const uint8_t **body);

/* Gives up every message that began more than the age before `now`; UINT64_MAX: all. */
void reassembly_expire(struct reassembly *r, uint64_t now);

struct reassembly_counts reassembly_counts(const struct reassembly *r);

#endif
