/*
 * What is in a message: bytes with zeros among them, or a struct, written field by
 * field in network byte order (never cast onto the wire) and followed by such bytes.
 * All of it follows from the message's number and the run's tag, so whoever knows
 * these can say what must stand there.
 *
 * The struct (docs/message-format.md), at any address, aligned or not:
 *   0  u16 version   2  u8 kind   3  u8 flags   4  u32 source   8  u64 count
 *  16  i64 delta    24  f64 level (IEEE 754)   32  char[16] name, no 0 at its end
 */
#ifndef MESSAGE_PAYLOAD_H
#define MESSAGE_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>

#include "record.h"

#define READING_VERSION 1
#define READING_BYTES 48
#define READING_NAME_BYTES 16

struct reading {
	uint16_t version;
	uint8_t kind; /* enum record_type of the message that it is in */
	uint8_t flags;
	uint32_t source;
	uint64_t count;
	int64_t delta;
	double level;
	char name[READING_NAME_BYTES];
};

/* What message `seq` of run `tag` says. */
void reading_of(struct reading *r, enum record_type kind, uint32_t seq, uint32_t tag);

void reading_write(uint8_t *to, const struct reading *r);
void reading_read(struct reading *r, const uint8_t *from);

/* The name of the first field in which they differ, or NULL. */
const char *reading_difference(const struct reading *a, const struct reading *b);

/* The fewest bytes that a body of this type may have. */
size_t payload_min_bytes(enum record_type type);

/* Writes the body of message `seq`, `n` bytes. */
void payload_write(uint8_t *to, size_t n, enum record_type type, uint32_t seq, uint32_t tag);

/* Reads the body of message `seq` as whoever knows the format would, and compares every field and
 * byte: NULL, or what is wrong. */
const char *payload_check(
		const uint8_t *from, size_t n, enum record_type type, uint32_t seq, uint32_t tag);

/*
 * A digest of a message's number and body, 64 bits. The digest of many messages is the sum, which
 * does not depend on their order. Made to find accidents, not attacks.
 */
uint64_t payload_digest(uint32_t seq, const uint8_t *body, size_t n);

#endif
