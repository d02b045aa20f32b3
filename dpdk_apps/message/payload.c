#include "payload.h"

#include <stdio.h>
#include <string.h>

#include "mix64.h"
#include "wire.h"

enum {
	AT_VERSION = 0,
	AT_KIND = 2,
	AT_FLAGS = 3,
	AT_SOURCE = 4,
	AT_COUNT = 8,
	AT_DELTA = 16,
	AT_LEVEL = 24,
	AT_NAME = 32,
};

_Static_assert(AT_NAME + READING_NAME_BYTES == READING_BYTES, "the name ends the struct");
_Static_assert(sizeof(double) == sizeof(uint64_t), "a double travels as its 64 bits");
/* The second byte of every word is 0: strlen() of a body is at most 1. */
#define WORD_MASK 0xff00ffffffffffffu

void
reading_of(struct reading *r, enum record_type kind, uint32_t seq, uint32_t tag)
{
	char name[READING_NAME_BYTES + 1];

	*r = (struct reading){
			.version = READING_VERSION,
			.kind = (uint8_t)kind,
			.flags = (uint8_t)(seq & 0xff),
			.source = tag,
			.count = mix64((uint64_t)tag << 32 | seq),
			.delta = -1 - (int64_t)seq * 1000003,
			/* Exact in a double, whatever the number is. */
			.level = (double)seq / 8 - 1e6,
	};
	(void)snprintf(name, sizeof(name), "message %08x", seq);
	memcpy(r->name, name, sizeof(r->name));
}

void
reading_write(uint8_t *to, const struct reading *r)
{
	uint64_t level;

	memcpy(&level, &r->level, sizeof(level));
	wire_put_be16(to + AT_VERSION, r->version);
	to[AT_KIND] = r->kind;
	to[AT_FLAGS] = r->flags;
	wire_put_be32(to + AT_SOURCE, r->source);
	wire_put_be64(to + AT_COUNT, r->count);
	wire_put_be64(to + AT_DELTA, (uint64_t)r->delta);
	wire_put_be64(to + AT_LEVEL, level);
	memcpy(to + AT_NAME, r->name, sizeof(r->name));
}

void
reading_read(struct reading *r, const uint8_t *from)
{
	uint64_t level = wire_get_be64(from + AT_LEVEL);

	r->version = wire_get_be16(from + AT_VERSION);
	r->kind = from[AT_KIND];
	r->flags = from[AT_FLAGS];
	r->source = wire_get_be32(from + AT_SOURCE);
	r->count = wire_get_be64(from + AT_COUNT);
	r->delta = (int64_t)wire_get_be64(from + AT_DELTA);
	memcpy(&r->level, &level, sizeof(r->level));
	memcpy(r->name, from + AT_NAME, sizeof(r->name));
}

const char *
reading_difference(const struct reading *a, const struct reading *b)
{
	if (a->version != b->version)
		return "version";
	if (a->kind != b->kind)
		return "kind";
	if (a->flags != b->flags)
		return "flags";
	if (a->source != b->source)
		return "source";
	if (a->count != b->count)
		return "count";
	if (a->delta != b->delta)
		return "delta";
	/* Its bits: a NaN differs from itself. */
	if (memcmp(&a->level, &b->level, sizeof(a->level)) != 0)
		return "level";
	return memcmp(a->name, b->name, sizeof(a->name)) != 0 ? "name" : NULL;
}

size_t
payload_min_bytes(enum record_type type)
{
	return type == RECORD_BYTES ? 1 : READING_BYTES;
}

static uint64_t
first_word(enum record_type type, uint32_t seq, uint32_t tag)
{
	return mix64(mix64((uint64_t)tag << 32 | seq) + type);
}

static void
fill(uint8_t *to, size_t n, uint64_t word)
{
	uint8_t last[8];

	for (; n >= 8; n -= 8, to += 8, word += MIX64_STEP)
		wire_put_be64(to, word & WORD_MASK);
	wire_put_be64(last, word & WORD_MASK);
	memcpy(to, last, n);
}

static int
is_filled(const uint8_t *from, size_t n, uint64_t word)
{
	uint64_t wrong = 0;
	uint8_t last[8];

	for (; n >= 8; n -= 8, from += 8, word += MIX64_STEP)
		wrong |= wire_get_be64(from) ^ (word & WORD_MASK);
	wire_put_be64(last, word & WORD_MASK);
	return wrong == 0 && memcmp(from, last, n) == 0;
}

void
payload_write(uint8_t *to, size_t n, enum record_type type, uint32_t seq, uint32_t tag)
{
	size_t at = 0;

	if (type != RECORD_BYTES) {
		struct reading reading;

		reading_of(&reading, type, seq, tag);
		reading_write(to, &reading);
		at = READING_BYTES;
	}
	fill(to + at, n - at, first_word(type, seq, tag));
}

const char *
payload_check(const uint8_t *from, size_t n, enum record_type type, uint32_t seq, uint32_t tag)
{
	size_t at = 0;

	if (n < payload_min_bytes(type))
		return "length";
	if (type != RECORD_BYTES) {
		struct reading came;
		struct reading wanted;
		const char *difference;

		reading_read(&came, from);
		reading_of(&wanted, type, seq, tag);
		difference = reading_difference(&came, &wanted);
		if (difference != NULL)
			return difference;
		at = READING_BYTES;
	}
	return is_filled(from + at, n - at, first_word(type, seq, tag)) ? NULL : "bytes";
}

/* One multiplication and one fold a word, in four lanes that do not wait for each other. */
uint64_t
payload_digest(uint32_t seq, const uint8_t *body, size_t n)
{
	uint64_t lanes[4] = {seq, ~(uint64_t)seq, n, ~(uint64_t)n};
	uint8_t last[32] = {0};
	size_t left = n;

	for (;; body += 32, left -= 32) {
		const uint8_t *from = body;

		if (left < 32) {
			memcpy(last, body, left);
			from = last;
		}
		for (int i = 0; i < 4; i++) {
			lanes[i] = (lanes[i] ^ wire_get_le64(from + 8 * i)) * MIX64_STEP;
			lanes[i] ^= lanes[i] >> 32;
		}
		if (left <= 32)
			break;
	}
	return mix64(lanes[0] + mix64(lanes[1] + mix64(lanes[2] + mix64(lanes[3]))));
}
