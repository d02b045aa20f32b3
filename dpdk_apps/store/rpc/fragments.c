#include "fragments.h"

#include <string.h>

static uint32_t
words_of(uint32_t count)
{
	return (count + 63) / 64;
}

static uint64_t
bit_of(uint32_t index)
{
	return UINT64_C(1) << index % 64;
}

void
sending_start(struct sending *s, const uint8_t *bytes, uint32_t total, uint32_t part)
{
	uint32_t count = fragments_count(total, part);

	s->bytes = bytes;
	s->total = total;
	s->part = part;
	s->flight = 0;
	s->order = 1;
	s->newest = 0;
	s->count = (uint16_t)count;
	s->came = 0;
	s->next = 0;
	s->lost = 0;
	/* Not all of it, and by no call: most messages have one fragment. */
	s->have[0] = 0;
	s->again[0] = 0;
	for (uint32_t w = 1; w < words_of(count); w++) {
		s->have[w] = 0;
		s->again[w] = 0;
	}
}

int
sending_next(const struct sending *s)
{
	if (s->lost > 0) {
		for (uint32_t w = 0; w < words_of(s->count); w++)
			if (s->again[w] != 0)
				return (int)(w * 64) + __builtin_ctzll(s->again[w]);
	}
	return s->next < s->count ? s->next : -1;
}

void
sending_fill(const struct sending *s, uint16_t index, struct packet *p)
{
	p->total = s->total;
	p->offset = index * s->part;
	p->index = index;
	p->count = s->count;
	p->length = index < s->count - 1 ? s->part : s->total - p->offset;
	p->payload = s->bytes + p->offset;
}

bool
sending_sent(struct sending *s, uint16_t index)
{
	bool repeated = index < s->next;

	if ((s->again[index / 64] & bit_of(index)) != 0) {
		s->again[index / 64] &= ~bit_of(index);
		s->lost--;
	} else if (!repeated) {
		s->next = index + 1;
	}
	s->sent[index] = s->order++;
	s->flight++;
	return repeated;
}

static void
mark_lost(struct sending *s, uint32_t index)
{
	s->again[index / 64] |= bit_of(index);
	s->lost++;
	s->flight--;
}

/* Marks what is under way and was sent before `order`. */
static void
lose_before(struct sending *s, uint32_t order)
{
	if (s->flight == 0)
		return;
	for (uint32_t w = 0; w < words_of(s->next); w++) {
		uint64_t open = ~(s->have[w] | s->again[w]);

		for (; open != 0; open &= open - 1) {
			uint32_t i = w * 64 + (uint32_t)__builtin_ctzll(open);

			if (i >= s->next)
				return;
			if (s->sent[i] < order)
				mark_lost(s, i);
		}
	}
}

static uint64_t
word_of(const uint8_t *bitmap, uint32_t bytes, uint32_t w)
{
	uint64_t word = 0;

	for (uint32_t b = 0; b < 8 && w * 8 + b < bytes; b++)
		word |= (uint64_t)bitmap[w * 8 + b] << 8 * b;
	return word;
}

uint32_t
sending_progress(struct sending *s, const uint8_t *bitmap, uint16_t count, uint32_t overtaken)
{
	uint32_t fresh = 0;

	if (count != s->count)
		return 0;
	for (uint32_t w = 0; w < words_of(s->next); w++) {
		uint64_t news = word_of(bitmap, (count + 7u) / 8, w) & ~s->have[w];

		for (; news != 0; news &= news - 1) {
			uint32_t i = w * 64 + (uint32_t)__builtin_ctzll(news);

			/* What was never sent cannot have come, whatever the bitmap says. */
			if (i >= s->next)
				break;
			if ((s->again[w] & bit_of(i)) != 0) {
				s->again[w] &= ~bit_of(i);
				s->lost--;
			} else {
				s->flight--;
			}
			s->have[w] |= bit_of(i);
			if (s->sent[i] > s->newest)
				s->newest = s->sent[i];
			s->came++;
			fresh++;
		}
	}
	if (s->newest > overtaken)
		lose_before(s, s->newest - overtaken);
	return fresh;
}

void
sending_late(struct sending *s, uint32_t order)
{
	lose_before(s, order);
}

void
sending_restart(struct sending *s)
{
	memset(s->have, 0, words_of(s->count) * sizeof(*s->have));
	memset(s->again, 0, words_of(s->count) * sizeof(*s->again));
	for (uint32_t i = 0; i < s->next; i++)
		s->again[i / 64] |= bit_of(i);
	s->lost = s->next;
	s->came = 0;
	s->flight = 0;
}

void
sending_finish(struct sending *s)
{
	s->next = s->count;
	s->lost = 0;
	s->flight = 0;
}

bool
fragment_fits(const struct packet *p, uint32_t part, uint32_t most)
{
	/* The decoder has seen that the numbers agree with each other: these bind them to `part`.
	 */
	return p->total <= most && p->count == fragments_count(p->total, part) &&
	       p->offset == (uint64_t)p->index * part;
}

void
receiving_start(struct receiving *r, uint8_t *bytes, const struct packet *p, uint32_t part)
{
	r->bytes = bytes;
	r->total = p->total;
	r->part = part;
	r->count = p->count;
	r->came = 0;
	r->unreported = 0;
	memset(r->have, 0, words_of(p->count) * sizeof(*r->have));
}

enum receiving_result
receiving_add(struct receiving *r, const struct packet *p)
{
	uint64_t bit = bit_of(p->index);

	if (p->total != r->total || p->count != r->count)
		return RECEIVING_REFUSED;
	if ((r->have[p->index / 64] & bit) != 0)
		return RECEIVING_REPEATED;
	r->have[p->index / 64] |= bit;
	memcpy(r->bytes + p->offset, p->payload, p->length);
	r->unreported++;
	return ++r->came < r->count ? RECEIVING_WAITS : RECEIVING_WHOLE;
}

uint32_t
receiving_bitmap(struct receiving *r, uint8_t bitmap[PACKET_BITMAP_BYTES_MAX])
{
	uint32_t bytes = (r->count + 7u) / 8;

	for (uint32_t b = 0; b < bytes; b++)
		bitmap[b] = (uint8_t)(r->have[b / 8] >> 8 * (b % 8));
	r->unreported = 0;
	return bytes;
}
