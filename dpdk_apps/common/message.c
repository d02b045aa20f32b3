#include "message.h"

#include <endian.h>
#include <string.h>

#include "mix64.h"
#include "wire.h"

#define MAGIC 0x444c4d31u

enum { AT_MAGIC = 0, AT_FLOW = 4, AT_SEQ = 8, AT_LENGTH = 16, AT_TAG = 20 };

enum { SHORT_AT_SEQ = 0, SHORT_AT_TAG = 4, SHORT_AT_CHECK = 6, SHORT_AT_BODY = 8 };

_Static_assert(SHORT_AT_BODY == MESSAGE_SHORT_MIN_BYTES, "a short message may have no body");
_Static_assert(AT_TAG + 4 == MESSAGE_HEADER_BYTES, "the tag ends the header");
_Static_assert(MESSAGE_MIN_BYTES >= MESSAGE_HEADER_BYTES + 8,
		"a whole body word guards the header");

/*
 * The body is first + i * BODY_STEP for its words i, the last one cut to what is left. `first`
 * depends on every field of the header, so a wrong header is found by the body; the step is one
 * addition, so that checking costs little beside the round trip that is measured.
 */
#define BODY_STEP MIX64_STEP

static inline uint64_t
body_first(const struct message *m)
{
	return mix64(m->seq ^ mix64(((uint64_t)m->flow << 32 | m->length) + m->tag * BODY_STEP));
}

/* Writes the body from `at` to the end of the message. */
static inline void
body_write(uint8_t *to, size_t at, size_t end, uint64_t word)
{
	for (; at + 8 <= end; at += 8, word += BODY_STEP)
		wire_put_le64(to + at, word);
	word = htole64(word);
	if (at < end)
		memcpy(to + at, &word, end - at);
}

/* Whether the body from `at` to the end of the message is as it was written. */
static inline bool
body_right(const uint8_t *from, size_t at, size_t end, uint64_t word)
{
	uint64_t wrong = 0;

	for (; at + 8 <= end; at += 8, word += BODY_STEP)
		wrong |= wire_get_le64(from + at) ^ word;
	word = htole64(word);
	if (at < end)
		wrong |= memcmp(from + at, &word, end - at) != 0;
	return wrong == 0;
}

static inline uint16_t
short_tag(uint32_t tag)
{
	return (uint16_t)(tag ^ tag >> 16);
}

/* The check takes bits that the body's first bytes do not show. */
static inline uint16_t
short_check(uint64_t first)
{
	return (uint16_t)(first >> 48);
}

static void
short_write(uint8_t *to, const struct message *m)
{
	struct message known = {.seq = (uint32_t)m->seq, .length = m->length, .tag = m->tag};
	uint64_t first = body_first(&known);

	wire_put_le32(to + SHORT_AT_SEQ, (uint32_t)m->seq);
	wire_put_le16(to + SHORT_AT_TAG, short_tag(m->tag));
	wire_put_le16(to + SHORT_AT_CHECK, short_check(first));
	body_write(to, SHORT_AT_BODY, m->length, first);
}

static enum message_error
short_read(struct message *m, const uint8_t *from, size_t available, uint32_t size, uint32_t tag)
{
	uint64_t first;

	if (available < size)
		return MESSAGE_SHORT;
	*m = (struct message){
			.seq = wire_get_le32(from + SHORT_AT_SEQ), .length = size, .tag = tag};
	if (wire_get_le16(from + SHORT_AT_TAG) != short_tag(tag))
		return MESSAGE_FOREIGN;
	first = body_first(m);
	return wire_get_le16(from + SHORT_AT_CHECK) == short_check(first) &&
					       body_right(from, SHORT_AT_BODY, size, first)
			       ? MESSAGE_OK
			       : MESSAGE_CORRUPT;
}

void
message_write(uint8_t *to, const struct message *m)
{
	if (m->length < MESSAGE_MIN_BYTES) {
		short_write(to, m);
		return;
	}
	wire_put_le32(to + AT_MAGIC, MAGIC);
	wire_put_le32(to + AT_FLOW, m->flow);
	wire_put_le64(to + AT_SEQ, m->seq);
	wire_put_le32(to + AT_LENGTH, m->length);
	wire_put_le32(to + AT_TAG, m->tag);
	body_write(to, MESSAGE_HEADER_BYTES, m->length, body_first(m));
}

enum message_error
message_peek(struct message *m, const uint8_t *from, size_t available, uint32_t tag)
{
	if (available < MESSAGE_HEADER_BYTES)
		return MESSAGE_SHORT;
	m->flow = wire_get_le32(from + AT_FLOW);
	m->seq = wire_get_le64(from + AT_SEQ);
	m->length = wire_get_le32(from + AT_LENGTH);
	m->tag = wire_get_le32(from + AT_TAG);
	if (wire_get_le32(from + AT_MAGIC) != MAGIC || m->tag != tag)
		return MESSAGE_FOREIGN;
	return m->length >= MESSAGE_MIN_BYTES ? MESSAGE_OK : MESSAGE_CORRUPT;
}

enum message_error
message_read(struct message *m, const uint8_t *from, size_t available, uint32_t tag)
{
	enum message_error error = message_peek(m, from, available, tag);

	if (error != MESSAGE_OK)
		return error;
	if (m->length > available)
		return MESSAGE_SHORT;
	return body_right(from, MESSAGE_HEADER_BYTES, m->length, body_first(m)) ? MESSAGE_OK
										: MESSAGE_CORRUPT;
}

enum message_error
message_read_sized(struct message *m, const uint8_t *from, size_t available, uint32_t size,
		uint32_t tag)
{
	enum message_error error;

	if (size < MESSAGE_MIN_BYTES)
		return short_read(m, from, available, size, tag);
	error = message_read(m, from, available, tag);
	return error == MESSAGE_OK && m->length != size ? MESSAGE_CORRUPT : error;
}
