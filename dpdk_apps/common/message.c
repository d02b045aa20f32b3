#include "message.h"

#include <endian.h>
#include <string.h>

#include "mix64.h"
#include "wire.h"

#define MAGIC 0x444c4d31u

enum { AT_MAGIC = 0, AT_FLOW = 4, AT_SEQ = 8, AT_LENGTH = 16, AT_TAG = 20 };

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

void
message_write(uint8_t *to, const struct message *m)
{
	uint64_t word = body_first(m);
	size_t at = MESSAGE_HEADER_BYTES;

	wire_put_le32(to + AT_MAGIC, MAGIC);
	wire_put_le32(to + AT_FLOW, m->flow);
	wire_put_le64(to + AT_SEQ, m->seq);
	wire_put_le32(to + AT_LENGTH, m->length);
	wire_put_le32(to + AT_TAG, m->tag);
	for (; at + 8 <= m->length; at += 8, word += BODY_STEP)
		wire_put_le64(to + at, word);
	word = htole64(word);
	if (at < m->length)
		memcpy(to + at, &word, m->length - at);
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
	size_t at = MESSAGE_HEADER_BYTES;
	uint64_t wrong = 0;
	uint64_t word;

	if (error != MESSAGE_OK)
		return error;
	if (m->length > available)
		return MESSAGE_SHORT;
	word = body_first(m);
	for (; at + 8 <= m->length; at += 8, word += BODY_STEP)
		wrong |= wire_get_le64(from + at) ^ word;
	if (at < m->length) {
		word = htole64(word);
		wrong |= memcmp(from + at, &word, m->length - at) != 0;
	}
	return wrong == 0 ? MESSAGE_OK : MESSAGE_CORRUPT;
}
