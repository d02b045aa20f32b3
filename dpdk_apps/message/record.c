#include "record.h"

#include <stdbool.h>

#include "crc32c.h"
#include "wire.h"

enum {
	AT_MAGIC = 0,
	AT_VERSION = 2,
	AT_TYPE = 3,
	AT_LENGTH = 4,
	AT_TAG = 6,
	AT_SEQ = 8,
	AT_CRC = 12,
	AT_TOTAL = 16,
	AT_OFFSET = 20,
	AT_INDEX = 24,
	AT_COUNT = 26,
};

_Static_assert(AT_CRC + 4 == RECORD_HEADER_BYTES, "the CRC ends the header");
_Static_assert(AT_TOTAL == RECORD_HEADER_BYTES, "a fragment's numbers follow it");
_Static_assert(AT_COUNT + 2 == RECORD_LARGE_HEADER_BYTES, "and end with their count");

static uint32_t
checksum(const uint8_t *record, size_t bytes)
{
	uint32_t crc = crc32c(0, record, AT_CRC);

	return crc32c(crc, record + AT_CRC + 4, bytes - AT_CRC - 4);
}

size_t
record_finish(uint8_t *to, const struct record *r)
{
	size_t bytes = record_bytes(r);

	wire_put_be16(to + AT_MAGIC, RECORD_MAGIC);
	to[AT_VERSION] = RECORD_VERSION;
	to[AT_TYPE] = (uint8_t)r->type;
	wire_put_be16(to + AT_LENGTH, r->length);
	wire_put_be16(to + AT_TAG, r->tag);
	wire_put_be32(to + AT_SEQ, r->seq);
	if (r->type == RECORD_LARGE) {
		wire_put_be32(to + AT_TOTAL, r->total);
		wire_put_be32(to + AT_OFFSET, r->offset);
		wire_put_be16(to + AT_INDEX, r->index);
		wire_put_be16(to + AT_COUNT, r->count);
	}
	wire_put_be32(to + AT_CRC, checksum(to, bytes));
	return bytes;
}

static bool
is_type(uint8_t type)
{
	return type >= RECORD_BYTES && type <= RECORD_LARGE;
}

int
record_peek(const uint8_t *from, size_t available, size_t *bytes)
{
	/* What is there is looked at even if it is not all: a stream that is no stream of records
	 * must not wait for more of it. */
	if ((available > 0 && from[0] != RECORD_MAGIC >> 8) ||
			(available > 1 && from[1] != (RECORD_MAGIC & 0xff)) ||
			(available > AT_VERSION && from[AT_VERSION] != RECORD_VERSION) ||
			(available > AT_TYPE && !is_type(from[AT_TYPE])))
		return -1;
	if (available < AT_LENGTH + 2)
		return 0;
	*bytes = record_header_bytes((enum record_type)from[AT_TYPE]) +
		 wire_get_be16(from + AT_LENGTH);
	return 1;
}

/* Whether a fragment's numbers can be true of any message. */
static bool
is_fragment(const struct record *r)
{
	return r->count > 0 && r->index < r->count && r->length > 0 && r->offset < r->total &&
	       r->length <= r->total - r->offset &&
	       (r->index == r->count - 1) == (r->offset + r->length == r->total) &&
	       (r->index == 0) == (r->offset == 0);
}

enum record_error
record_read(struct record *r, const uint8_t *from, size_t available, uint16_t tag)
{
	size_t header;

	if (available < RECORD_HEADER_BYTES)
		return RECORD_SHORT;
	if (wire_get_be16(from + AT_MAGIC) != RECORD_MAGIC || from[AT_VERSION] != RECORD_VERSION ||
			wire_get_be16(from + AT_TAG) != tag)
		return RECORD_FOREIGN;
	if (!is_type(from[AT_TYPE]))
		return RECORD_CORRUPT;
	*r = (struct record){
			.type = (enum record_type)from[AT_TYPE],
			.length = wire_get_be16(from + AT_LENGTH),
			.tag = tag,
			.seq = wire_get_be32(from + AT_SEQ),
	};
	header = record_header_bytes(r->type);
	if (available < header + r->length)
		return RECORD_SHORT;
	if (wire_get_be32(from + AT_CRC) != checksum(from, header + r->length))
		return RECORD_CORRUPT;
	r->body = from + header;
	if (r->type != RECORD_LARGE) {
		r->total = r->length;
		r->count = 1;
		return RECORD_OK;
	}
	r->total = wire_get_be32(from + AT_TOTAL);
	r->offset = wire_get_be32(from + AT_OFFSET);
	r->index = wire_get_be16(from + AT_INDEX);
	r->count = wire_get_be16(from + AT_COUNT);
	return is_fragment(r) ? RECORD_OK : RECORD_CORRUPT;
}
