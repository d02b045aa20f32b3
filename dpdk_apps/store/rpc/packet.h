/*
 * A packet of the store's protocol (docs/store-protocol.md): a header of fixed size, the same
 * in every version, and a payload that follows from the type.
 *
 *   0  u16 magic 0x4453 "DS"   2  u8 version   3  u8 type
 *   4  u32 length: bytes of payload
 *   8  u64 client epoch   16  u64 server epoch   24  u64 request id
 *  32  u32 session
 *  36  u32 total: bytes of the whole request or answer   40  u32 offset of this fragment in it
 *  44  u16 index of this fragment   46  u16 count: how many there are
 *  48  u16 flags   50  u16 zero
 *  52  u32 CRC32C of everything before and behind it
 *
 * All numbers in network byte order. What a type does not use is zero.
 */
#ifndef STORE_PACKET_H
#define STORE_PACKET_H

#include <stddef.h>
#include <stdint.h>

#define PACKET_MAGIC 0x4453
#define PACKET_VERSION_MIN 1
#define PACKET_VERSION_MAX 1
#define PACKET_HEADER_BYTES 56
#define PACKET_LEAST_MOST 512 /* bytes that every carrier can carry: a bitmap fits into them */
#define PACKET_FRAGMENTS_MAX 2048
#define PACKET_BITMAP_BYTES_MAX (PACKET_FRAGMENTS_MAX / 8)

enum packet_type {
	PACKET_HELLO = 1, /* client: what it wants (hello.h) */
	PACKET_WELCOME,	  /* server: what both do; repeats the request id of the HELLO */
	PACKET_REQUEST,	  /* client: a fragment of a request */
	PACKET_ANSWER,	  /* server: a fragment of an answer */
	PACKET_ASK,	  /* client: a bitmap of the fragments of the answer that it has */
	PACKET_HAVE,	  /* server: the same of the request; count 0: knows nothing of it */
	PACKET_BUSY,	  /* server: not now */
	PACKET_RESTARTED, /* server: knows no such session; payload: the epoch that was named */
	PACKET_REFUSED,	  /* server: a HELLO that it cannot agree to, or an unknown version */
	PACKET_BYE,	  /* either: the session is over */
	PACKET_TYPES_END,
};

enum packet_flag {
	/* Sent because a timer ran out: what was under way before counts as lost. HAVE repeats it.
	 */
	PACKET_LATE = 1,
	/* The sender has no more to send now: tell it at once what is missing. HAVE and ASK that do
	 * so repeat it. */
	PACKET_REPORT = 2,
};

struct packet {
	const uint8_t *payload; /* points into what was read; to be written: `length` bytes */
	uint64_t client_epoch;
	uint64_t server_epoch;
	uint64_t id;
	uint32_t session;
	uint32_t length;
	uint32_t total;
	uint32_t offset;
	uint16_t index;
	uint16_t count;
	uint16_t flags;
	uint8_t version;
	uint8_t type; /* enum packet_type */
};

/* Why bytes are no packet. */
enum packet_error {
	PACKET_OK,
	PACKET_SHORT,	 /* fewer bytes than a header */
	PACKET_FOREIGN,	 /* another magic */
	PACKET_LENGTH,	 /* more or fewer bytes than the header tells */
	PACKET_CORRUPT,	 /* the CRC is wrong */
	PACKET_VERSION,	 /* intact, but of a version that is not spoken here: the header is read */
	PACKET_TYPE,	 /* intact, but no such type */
	PACKET_FRAGMENT, /* intact, but its fragment's numbers can be true of no message */
	PACKET_PAYLOAD,	 /* intact, but the type has another payload */
	PACKET_ERRORS,	 /* number of values */
};

/* A word for a reason, as counters are named by it; for a type, as logs do. */
const char *packet_error_name(enum packet_error error);
const char *packet_type_name(uint8_t type);

/* Writes the header of `p`; its payload, over which the CRC goes too, stays where it is. */
void packet_encode(uint8_t header[PACKET_HEADER_BYTES], const struct packet *p);

/* Reads and checks the packet in the `n` bytes at `from`, no more and no fewer. */
enum packet_error packet_decode(struct packet *p, const uint8_t *from, size_t n);

#endif
