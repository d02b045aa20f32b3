/*
 * What the primary sees of its secondaries, whom nobody else can watch: which of them
 * was killed, how many messages were in its hands, and whether it died within an
 * operation on a ring, whose tail then stands still for ever.
 */
#ifndef SIMPLE_MP_WARDS_H
#define SIMPLE_MP_WARDS_H

#include <stdbool.h>
#include <stdint.h>

#include "space.h"

struct wards {
	const struct space *space;
	double ticks_per_s;
	uint64_t timeout;   /* ticks after which a message that is out counts as lost */
	uint64_t next_look; /* ticks */
	uint64_t between_looks;
	uint16_t place; /* that was looked at last */
	bool dead[ROSTER_PLACES];
	uint32_t seen_taken_over[ROSTER_PLACES];
	uint32_t deaths;
	uint64_t last_death;	/* ticks when it was noticed */
	uint64_t reckon_at;	/* ticks; 0: nothing to reckon */
	uint64_t reckon_seq;	/* messages before this one were sent when it died */
	uint32_t leaked;	/* objects that the dead were holding, as far as reckoned */
	struct ring_end taking; /* as last seen */
	struct ring_end giving;
	uint64_t taking_since; /* ticks since when the tail stands behind the head, else 0 */
	uint64_t giving_since;
	const char *stuck; /* which ring, for people; NULL: none */
};

void wards_begin(struct wards *w, const struct space *s, double ticks_per_s, uint64_t timeout);

/* Looks if it is time to, at the rings ten times a second and at each secondary five times; says
 * what happened. `next_seq` is the number of the next message. Whether a ring is stuck. */
bool wards_look(struct wards *w, uint64_t now, uint64_t next_seq);

/* The last look, when no secondary lives any more: a tail that stands behind its head then stands
 * there for ever. */
void wards_end(struct wards *w, uint64_t now, uint64_t next_seq);

/* Objects that are out and of a message before `seq`. */
uint32_t wards_out(const struct space *s, uint64_t seq);

#endif
