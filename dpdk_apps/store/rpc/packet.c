#include "packet.h"

#include <stdbool.h>

#include "crc32c.h"
#include "hello.h"
#include "wire.h"

enum {
	AT_MAGIC = 0,
	AT_VERSION = 2,
	AT_TYPE = 3,
	AT_LENGTH = 4,
	AT_CLIENT_EPOCH = 8,
	AT_SERVER_EPOCH = 16,
	AT_ID = 24,
	AT_SESSION = 32,
	AT_TOTAL = 36,
	AT_OFFSET = 40,
	AT_INDEX = 44,
	AT_COUNT = 46,
	AT_FLAGS = 48,
	AT_ZERO = 50,
	AT_CRC = 52,
};

_Static_assert(AT_CRC + 4 == PACKET_HEADER_BYTES, "the CRC ends the header");
_Static_assert(AT_VERSION == AT_MAGIC + 2 && AT_TYPE == AT_VERSION + 1 && AT_LENGTH == AT_TYPE + 1,
		"the first word");
_Static_assert(AT_CLIENT_EPOCH % 8 == 0 && AT_SERVER_EPOCH == AT_CLIENT_EPOCH + 8 &&
				AT_ID == AT_SERVER_EPOCH + 8 && AT_SESSION == AT_ID + 8,
		"numbers of 64 bits follow each other where they are aligned");
_Static_assert(AT_TOTAL == AT_SESSION + 4 && AT_OFFSET == AT_TOTAL + 4 && AT_INDEX == AT_OFFSET + 4,
		"then those of 32 bits");
_Static_assert(AT_COUNT == AT_INDEX + 2 && AT_FLAGS == AT_COUNT + 2 && AT_ZERO == AT_FLAGS + 2 &&
				AT_CRC == AT_ZERO + 2,
		"then those of 16 bits");
_Static_assert(AT_CRC == CRC32C_HEAD_BYTES, "the CRC is of what stands before it and behind it");
_Static_assert(PACKET_HEADER_BYTES % 8 == 0, "what follows the header is aligned as it is");
_Static_assert(PACKET_HEADER_BYTES + PACKET_BITMAP_BYTES_MAX <= PACKET_LEAST_MOST,
		"a bitmap fits into every packet");

static const char *const error_names[PACKET_ERRORS] = {"ok", "short", "foreign", "length",
		"corrupt", "version", "type", "fragment", "payload"};

static const char *const type_names[PACKET_TYPES_END] = {"none", "HELLO", "WELCOME", "REQUEST",
		"ANSWER", "ASK", "HAVE", "BUSY", "RESTARTED", "REFUSED", "BYE"};

const char *
packet_error_name(enum packet_error error)
{
	return error < PACKET_ERRORS ? error_names[error] : "unknown";
}

const char *
packet_type_name(uint8_t type)
{
	return type < PACKET_TYPES_END ? type_names[type] : "unknown";
}

void
packet_encode(uint8_t header[PACKET_HEADER_BYTES], const struct packet *p)
{
	/* In words of 64 bits, as the CRC reads them: one that reads what two smaller stores have
	 * just written waits for both to reach the cache. */
	wire_put_be64(header + AT_MAGIC, (uint64_t)PACKET_MAGIC << 48 | (uint64_t)p->version << 40 |
							 (uint64_t)p->type << 32 | p->length);
	wire_put_be64(header + AT_CLIENT_EPOCH, p->client_epoch);
	wire_put_be64(header + AT_SERVER_EPOCH, p->server_epoch);
	wire_put_be64(header + AT_ID, p->id);
	wire_put_be64(header + AT_SESSION, (uint64_t)p->session << 32 | p->total);
	wire_put_be64(header + AT_OFFSET,
			(uint64_t)p->offset << 32 | (uint64_t)p->index << 16 | p->count);
	wire_put_be32(header + AT_FLAGS, (uint32_t)p->flags << 16);
	wire_put_be32(header + AT_CRC, crc32c_headed(header, p->payload, p->length));
}

/* Whether a fragment's numbers can be true of any request or answer: all fragments but the last are
 * of one length and stand at multiples of it. */
static bool
is_fragment(const struct packet *p)
{
	if (p->count == 1)
		return (p->index | p->offset) == 0 && p->length == p->total;
	if (p->count == 0 || p->count > PACKET_FRAGMENTS_MAX || p->index >= p->count)
		return false;
	if (p->length == 0 || p->offset >= p->total || p->length > p->total - p->offset)
		return false;
	if (p->index < p->count - 1)
		return p->offset == (uint64_t)p->index * p->length &&
		       p->total > (uint64_t)(p->count - 1) * p->length &&
		       p->total <= (uint64_t)p->count * p->length;
	return p->offset % p->index == 0 && p->length == p->total - p->offset &&
	       p->length <= p->offset / p->index;
}

static bool
is_bitmap(const struct packet *p)
{
	return p->count <= PACKET_FRAGMENTS_MAX && p->length == (p->count + 7u) / 8;
}

static inline enum packet_error
check_payload(const struct packet *p)
{
	switch ((enum packet_type)p->type) {
	case PACKET_REQUEST:
	case PACKET_ANSWER:
		return is_fragment(p) ? PACKET_OK : PACKET_FRAGMENT;
	case PACKET_ASK:
	case PACKET_HAVE:
		return is_bitmap(p) ? PACKET_OK : PACKET_PAYLOAD;
	case PACKET_HELLO:
	case PACKET_WELCOME:
		return p->length == HELLO_BYTES ? PACKET_OK : PACKET_PAYLOAD;
	case PACKET_RESTARTED:
		return p->length == RESTARTED_BYTES ? PACKET_OK : PACKET_PAYLOAD;
	case PACKET_REFUSED:
		return p->length == REFUSAL_BYTES ? PACKET_OK : PACKET_PAYLOAD;
	case PACKET_BUSY:
	case PACKET_BYE:
		return p->length == 0 ? PACKET_OK : PACKET_PAYLOAD;
	case PACKET_TYPES_END:
		break;
	}
	return PACKET_TYPE;
}

/* What versions are agreed on by. */
static bool
is_of_every_version(uint8_t type)
{
	return type == PACKET_HELLO || type == PACKET_WELCOME || type == PACKET_REFUSED;
}

enum packet_error
packet_decode(struct packet *p, const uint8_t *from, size_t n)
{
	if (n < PACKET_HEADER_BYTES)
		return PACKET_SHORT;
	if (wire_get_be16(from + AT_MAGIC) != PACKET_MAGIC)
		return PACKET_FOREIGN;
	*p = (struct packet){
			.payload = from + PACKET_HEADER_BYTES,
			.client_epoch = wire_get_be64(from + AT_CLIENT_EPOCH),
			.server_epoch = wire_get_be64(from + AT_SERVER_EPOCH),
			.id = wire_get_be64(from + AT_ID),
			.session = wire_get_be32(from + AT_SESSION),
			.length = wire_get_be32(from + AT_LENGTH),
			.total = wire_get_be32(from + AT_TOTAL),
			.offset = wire_get_be32(from + AT_OFFSET),
			.index = wire_get_be16(from + AT_INDEX),
			.count = wire_get_be16(from + AT_COUNT),
			.flags = wire_get_be16(from + AT_FLAGS),
			.version = from[AT_VERSION],
			.type = from[AT_TYPE],
	};
	if (p->length != n - PACKET_HEADER_BYTES)
		return PACKET_LENGTH;
	/* Before the version: a bit that flipped in it must not look like another version. */
	if (crc32c_headed(from, p->payload, p->length) != wire_get_be32(from + AT_CRC))
		return PACKET_CORRUPT;
	if ((p->version < PACKET_VERSION_MIN || p->version > PACKET_VERSION_MAX) &&
			!is_of_every_version(p->type))
		return PACKET_VERSION;
	return check_payload(p);
}
