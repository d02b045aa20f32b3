/*
 * A record: one message, or one numbered fragment of one, as it goes over the
 * wire (docs/message-format.md). The same over DPDK, where each fills a frame's
 * UDP payload, and over TCP, where its length tells where the next begins.
 *
 *   0  u16 magic 0x444d "DM"   2  u8 version   3  u8 type
 *   4  u16 length: bytes of body in this record   6  u16 run tag
 *   8  u32 number of the message
 *  12  u32 CRC32C of everything before and behind it
 * and, where the type is RECORD_LARGE:
 *  16  u32 total: bytes of the whole body   20  u32 offset of this part in it
 *  24  u16 index of this fragment   26  u16 how many there are
 * Then the body. All numbers in network byte order.
 */
#ifndef MESSAGE_RECORD_H
#define MESSAGE_RECORD_H

#include <stddef.h>
#include <stdint.h>

#define RECORD_MAGIC 0x444d
#define RECORD_VERSION 1
#define RECORD_HEADER_BYTES 16
#define RECORD_LARGE_HEADER_BYTES 28
#define RECORD_MAX_LENGTH UINT16_MAX

enum record_type {
	RECORD_BYTES = 1,
	RECORD_STRUCT = 2,
	RECORD_LARGE = 3,
};

struct record {
	const uint8_t *body; /* points into what was read */
	enum record_type type;
	uint16_t length; /* bytes of body */
	uint16_t tag;
	uint32_t seq;
	uint32_t total; /* for the other types: length, 0, 0, 1 */
	uint32_t offset;
	uint16_t index;
	uint16_t count;
};

/* Why bytes are no record. */
enum record_error {
	RECORD_OK,
	RECORD_SHORT,	/* more bytes were promised than are there */
	RECORD_FOREIGN, /* another magic, version or run tag */
	RECORD_CORRUPT, /* ours, but the CRC, the type or a fragment's numbers are wrong */
	RECORD_ERRORS,	/* number of values */
};

/* What a run tag of 32 bits is on the wire. */
static inline uint16_t
record_tag(uint32_t tag)
{
	return (uint16_t)(tag ^ tag >> 16);
}

static inline size_t
record_header_bytes(enum record_type type)
{
	return type == RECORD_LARGE ? RECORD_LARGE_HEADER_BYTES : RECORD_HEADER_BYTES;
}

/* Bytes that the record takes. */
static inline size_t
record_bytes(const struct record *r)
{
	return record_header_bytes(r->type) + r->length;
}

/* Writes the header before the body, which already stands at `to` + record_header_bytes(). `body`
 * of `r` is not used. Returns record_bytes(). */
size_t record_finish(uint8_t *to, const struct record *r);

/*
 * The length of the record that begins at `from`, for streams: 1 with it in `bytes`, 0 where more
 * of the `available` bytes are needed to tell, -1 where this is no beginning of a record. Nothing
 * is checked but magic, version and type.
 */
int record_peek(const uint8_t *from, size_t available, size_t *bytes);

/* Reads and checks the record at `from`; bytes behind it (a frame's padding) are left alone. */
enum record_error record_read(
		struct record *r, const uint8_t *from, size_t available, uint16_t tag);

#endif
