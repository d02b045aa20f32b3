#include "fragments.h"

#include <string.h>

static void
mark_lost(struct sending *s, uint32_t index)
{
	s->again[index / 64] |= fragments_bit(index);
	s->lost++;
	s->flight--;
}

/* Marks what is under way and was sent before `order`. */
static void
lose_before(struct sending *s, uint32_t order)
{
	if (s->flight == 0)
		return;
	for (uint32_t w = 0; w < fragments_words(s->next); w++) {
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
	for (uint32_t w = 0; w < fragments_words(s->next); w++) {
		uint64_t news = word_of(bitmap, (count + 7u) / 8, w) & ~s->have[w];

		for (; news != 0; news &= news - 1) {
			uint32_t i = w * 64 + (uint32_t)__builtin_ctzll(news);

			/* What was never sent cannot have come, whatever the bitmap says. */
			if (i >= s->next)
				break;
			if ((s->again[w] & fragments_bit(i)) != 0) {
				s->again[w] &= ~fragments_bit(i);
				s->lost--;
			} else {
				s->flight--;
			}
			s->have[w] |= fragments_bit(i);
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
	memset(s->have, 0, fragments_words(s->count) * sizeof(*s->have));
	memset(s->again, 0, fragments_words(s->count) * sizeof(*s->again));
	for (uint32_t i = 0; i < s->next; i++)
		s->again[i / 64] |= fragments_bit(i);
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

void
receiving_start(struct receiving *r, uint8_t *bytes, const struct packet *p, uint32_t part)
{
	r->bytes = bytes;
	r->total = p->total;
	r->part = part;
	r->count = p->count;
	r->came = 0;
	r->unreported = 0;
	memset(r->have, 0, fragments_words(p->count) * sizeof(*r->have));
}

enum receiving_result
receiving_add(struct receiving *r, const struct packet *p)
{
	uint64_t bit = fragments_bit(p->index);

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
