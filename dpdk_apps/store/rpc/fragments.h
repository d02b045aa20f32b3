/*
 * A request or answer on its way in fragments: what its sender remembers of it, and what its
 * receiver does. The receiver tells what it has by a bitmap (bit i of byte i / 8: fragment i);
 * the sender sends again only what is missing.
 *
 * What was sent before something that has come, by more than reordering explains, is lost; that is
 * known from the order of sending, so that nothing waits for a timer but a lost tail.
 */
#ifndef STORE_FRAGMENTS_H
#define STORE_FRAGMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "packet.h"

#define FRAGMENTS_WORDS (PACKET_FRAGMENTS_MAX / 64)
/* Packets that may overtake another before it counts as lost, as in QUIC (RFC 9002). */
#define FRAGMENTS_REORDER 3

struct sending {
	const uint8_t *bytes;
	uint32_t total;
	uint32_t part;	 /* bytes of every fragment but the last */
	uint32_t flight; /* sent, and neither known to have come nor counted as lost */
	uint32_t order;	 /* of the next to be sent; the first is 1 */
	uint32_t newest; /* the highest order that is known to have come */
	uint16_t count;
	uint16_t came;			     /* fragments that the receiver has */
	uint16_t next;			     /* from here on none was ever sent */
	uint16_t lost;			     /* bits in `again` */
	uint64_t have[FRAGMENTS_WORDS];	     /* the receiver has it */
	uint64_t again[FRAGMENTS_WORDS];     /* is to be sent again */
	uint32_t sent[PACKET_FRAGMENTS_MAX]; /* the order of the last sending of each */
};

/* How many fragments of `part` bytes. */
static inline uint32_t
fragments_count(uint32_t total, uint32_t part)
{
	/* Most messages have one, and a division takes as long as many other things. */
	return total <= part ? 1 : (total - 1) / part + 1;
}

/* Words of a bitmap. */
static inline uint32_t
fragments_words(uint32_t count)
{
	return (count + 63) / 64;
}

/* In its word, which is word index / 64. */
static inline uint64_t
fragments_bit(uint32_t index)
{
	return UINT64_C(1) << index % 64;
}

/* `bytes` stay as they are until all has come or another begins. */
static inline void
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
	for (uint32_t w = 1; w < fragments_words(count); w++) {
		s->have[w] = 0;
		s->again[w] = 0;
	}
}

/* The fragment to be sent now: a lost one before a new one. -1: none. */
static inline int
sending_next(const struct sending *s)
{
	if (s->lost > 0) {
		for (uint32_t w = 0; w < fragments_words(s->count); w++)
			if (s->again[w] != 0)
				return (int)(w * 64) + __builtin_ctzll(s->again[w]);
	}
	return s->next < s->count ? s->next : -1;
}

/* How many are to be sent now or later. */
static inline uint32_t
sending_left(const struct sending *s)
{
	return s->lost + (uint32_t)(s->count - s->next);
}

/* Fills in what packet.h says of fragment `index`. */
static inline void
sending_fill(const struct sending *s, uint16_t index, struct packet *p)
{
	p->total = s->total;
	if (s->count == 1) {
		p->offset = 0;
		p->index = 0;
		p->count = 1;
		p->length = s->total;
		p->payload = s->bytes;
		return;
	}
	p->offset = index * s->part;
	p->index = index;
	p->count = s->count;
	p->length = index < s->count - 1 ? s->part : s->total - p->offset;
	p->payload = s->bytes + p->offset;
}

/* `index` was sent. True where it had been sent before. */
static inline bool
sending_sent(struct sending *s, uint16_t index)
{
	bool repeated = index < s->next;

	if (s->lost > 0 && (s->again[index / 64] & fragments_bit(index)) != 0) {
		s->again[index / 64] &= ~fragments_bit(index);
		s->lost--;
	} else if (!repeated) {
		s->next = index + 1;
	}
	s->sent[index] = s->order++;
	s->flight++;
	return repeated;
}

/*
 * Takes the receiver's bitmap. `overtaken`: how many may have overtaken another before that counts
 * as lost. Returns how many fragments are newly known to have come.
 */
uint32_t sending_progress(
		struct sending *s, const uint8_t *bitmap, uint16_t count, uint32_t overtaken);

/* Everything sent before `order` that is not known to have come is lost. */
void sending_late(struct sending *s, uint32_t order);

/* The receiver has nothing of it (any more): all that was ever sent is to be sent again. */
void sending_restart(struct sending *s);

/* All has come: nothing is left to send. */
void sending_finish(struct sending *s);

struct receiving {
	uint8_t *bytes;
	uint32_t total;
	uint32_t part;
	uint16_t count; /* 0: nothing has begun */
	uint16_t came;
	uint16_t unreported; /* fragments that came since the sender was told */
	uint64_t have[FRAGMENTS_WORDS];
};

enum receiving_result {
	RECEIVING_WAITS,    /* taken; others are missing */
	RECEIVING_WHOLE,    /* taken; nothing is missing */
	RECEIVING_REPEATED, /* had come before */
	RECEIVING_REFUSED,  /* contradicts what came before */
};

/* Whether a packet that was decoded can be a fragment of at most `most` bytes cut at `part`. */
static inline bool
fragment_fits(const struct packet *p, uint32_t part, uint32_t most)
{
	/* The decoder has seen that the numbers agree with each other: these bind them to `part`.
	 */
	return p->total <= most && p->count == fragments_count(p->total, part) &&
	       p->offset == (uint64_t)p->index * part;
}

/* Begins with the totals of `p`, which fits; its bytes go to `bytes`. */
void receiving_start(struct receiving *r, uint8_t *bytes, const struct packet *p, uint32_t part);

/* Takes a fragment that fits. */
enum receiving_result receiving_add(struct receiving *r, const struct packet *p);

/* Writes the bitmap; returns its bytes, (count + 7) / 8. */
uint32_t receiving_bitmap(struct receiving *r, uint8_t bitmap[PACKET_BITMAP_BYTES_MAX]);

#endif
