/*
 * The message that the generators send and get back, the same over DPDK and
 * TCP: a header and a body that follows from the sequence number, so that every
 * byte of every returned message can be checked without keeping a copy.
 *
 *   0  u32 magic 0x444c4d31 "DLM1"   4  u32 flow    8  u64 sequence number
 *  16  u32 length of the whole message   20  u32 run tag (tells runs apart)
 *  24  body
 * A message of fewer than MESSAGE_MIN_BYTES has no room for that and takes the short form:
 *   0  u32 sequence number   4  u16 run tag, its halves folded   6  u16 check over number, tag and
 *   length   8  body
 * Its length and flow are not in it: both ends know the one, the other follows from the number.
 * All fields little endian, written and read by load/store helpers.
 */
#ifndef COMMON_MESSAGE_H
#define COMMON_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_HEADER_BYTES 24
#define MESSAGE_MIN_BYTES 32
#define MESSAGE_SHORT_MIN_BYTES 8

struct message {
	uint64_t seq;
	uint32_t flow;
	uint32_t length;
	uint32_t tag;
};

/* Why a returned message was refused. */
enum message_error {
	MESSAGE_OK,
	MESSAGE_SHORT,	 /* fewer bytes than a header, or than its length says */
	MESSAGE_FOREIGN, /* not our magic, or another run's tag */
	MESSAGE_CORRUPT, /* ours, but a byte of it is wrong */
	MESSAGE_ERRORS,	 /* number of values */
};

/*
 * Writes header and body, `m->length` bytes (at least MESSAGE_SHORT_MIN_BYTES) in all, to `to`: in
 * the short form below MESSAGE_MIN_BYTES, where `m->seq` must fit into 32 bits.
 */
void message_write(uint8_t *to, const struct message *m);

/* Reads and checks a whole message, not of the short form, of at most `available` bytes. */
enum message_error message_read(
		struct message *m, const uint8_t *from, size_t available, uint32_t tag);

/*
 * Reads and checks a message that was written with `size` bytes, whichever form that is. In the
 * short form `m->flow` is 0, and a wrong byte goes unseen once in 65,536 times where there is no
 * body to give it away.
 */
enum message_error message_read_sized(struct message *m, const uint8_t *from, size_t available,
		uint32_t size, uint32_t tag);

/* Reads the header alone, for a stream that wants to know how much follows. */
enum message_error message_peek(
		struct message *m, const uint8_t *from, size_t available, uint32_t tag);

#endif
