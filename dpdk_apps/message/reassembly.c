#include "reassembly.h"

#include <stdlib.h>
#include <string.h>

/* Numbers of whole messages that are remembered, to know their fragments when they come again. */
#define REMEMBERED 1024

struct slot {
	uint8_t *body;
	uint64_t began; /* tick of the first fragment that came */
	uint64_t have[REASSEMBLY_MAX_FRAGMENTS / 64];
	uint64_t gone; /* 1 + number of the newest message that was given up here */
	uint32_t seq;
	uint32_t total;
	uint32_t part; /* bytes of every fragment but the last */
	uint16_t count;
	uint16_t came;
	bool used;
};

struct reassembly {
	struct slot *slots;
	uint8_t *memory;
	uint32_t messages;
	uint32_t bytes;
	uint64_t age;
	struct reassembly_counts counts;
	uint64_t whole[REMEMBERED]; /* 1 + number of the newest whole message of each residue */
};

struct reassembly *
reassembly_create(uint32_t messages, uint32_t bytes, uint64_t age)
{
	struct reassembly *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->messages = messages;
	r->bytes = bytes;
	r->age = age;
	r->slots = calloc(messages, sizeof(*r->slots));
	r->memory = malloc((size_t)messages * bytes);
	if (r->slots == NULL || r->memory == NULL) {
		reassembly_destroy(r);
		return NULL;
	}
	/* Faulted in before anything is measured. */
	memset(r->memory, 0, (size_t)messages * bytes);
	for (uint32_t i = 0; i < messages; i++)
		r->slots[i].body = r->memory + (size_t)i * bytes;
	return r;
}

void
reassembly_destroy(struct reassembly *r)
{
	if (r == NULL)
		return;
	free(r->slots);
	free(r->memory);
	free(r);
}

static void
give_up(struct reassembly *r, struct slot *s)
{
	r->counts.given_up++;
	r->counts.missing += s->count - s->came;
	r->counts.discarded += s->came;
	s->gone = (uint64_t)s->seq + 1;
	s->used = false;
}

void
reassembly_expire(struct reassembly *r, uint64_t now)
{
	for (uint32_t i = 0; i < r->messages; i++) {
		struct slot *s = &r->slots[i];

		if (s->used && now > s->began && now - s->began > r->age)
			give_up(r, s);
	}
}

/*
 * The slot of message `seq`, emptied where an older one has it: messages are numbered in the order
 * of sending, so what stands there is older by as many as there are slots. NULL where a newer one
 * has it: this one was given up before.
 */
static struct slot *
slot_for(struct reassembly *r, uint32_t seq)
{
	struct slot *s = &r->slots[seq % r->messages];

	/* What is late after it was given up must not begin it anew. */
	if (s->gone > seq)
		return NULL;
	if (!s->used || s->seq == seq)
		return s;
	if (s->seq > seq)
		return NULL;
	give_up(r, s);
	return s;
}

/* The length of all fragments but the last, as this one tells it; 0 where it tells nonsense. */
static uint32_t
part_told(const struct record *f)
{
	if (f->count == 1)
		return f->total;
	if (f->index < f->count - 1)
		return f->offset == (uint64_t)f->index * f->length ? f->length : 0;
	return f->offset % (f->count - 1u) == 0 ? f->offset / (f->count - 1u) : 0;
}

static bool
fits(const struct reassembly *r, const struct record *f, uint32_t part)
{
	return part > 0 && f->count <= REASSEMBLY_MAX_FRAGMENTS && f->total <= r->bytes &&
	       f->total > (uint64_t)(f->count - 1) * part && f->total <= (uint64_t)f->count * part;
}

enum reassembly_result
reassembly_add(struct reassembly *r, const struct record *f, uint64_t now, const uint8_t **body)
{
	uint32_t part = part_told(f);
	struct slot *s;
	uint64_t bit = UINT64_C(1) << f->index % 64;

	if (!fits(r, f, part)) {
		r->counts.refused++;
		return REASSEMBLY_REFUSED;
	}
	if (r->whole[f->seq % REMEMBERED] == (uint64_t)f->seq + 1) {
		r->counts.repeated++;
		return REASSEMBLY_REPEATED;
	}
	s = slot_for(r, f->seq);
	if (s == NULL) {
		r->counts.repeated++;
		return REASSEMBLY_REPEATED;
	}
	if (!s->used) {
		*s = (struct slot){
				.body = s->body,
				.began = now,
				.gone = s->gone,
				.seq = f->seq,
				.total = f->total,
				.part = part,
				.count = f->count,
				.used = true,
		};
	} else if (s->total != f->total || s->count != f->count || s->part != part) {
		r->counts.refused++;
		return REASSEMBLY_REFUSED;
	}
	if ((s->have[f->index / 64] & bit) != 0) {
		r->counts.repeated++;
		return REASSEMBLY_REPEATED;
	}
	s->have[f->index / 64] |= bit;
	memcpy(s->body + f->offset, f->body, f->length);
	if (++s->came < s->count)
		return REASSEMBLY_WAITS;
	s->used = false;
	r->whole[f->seq % REMEMBERED] = (uint64_t)f->seq + 1;
	r->counts.whole++;
	*body = s->body;
	return REASSEMBLY_WHOLE;
}

struct reassembly_counts
reassembly_counts(const struct reassembly *r)
{
	return r->counts;
}
