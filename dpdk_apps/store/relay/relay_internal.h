/* What the parts of the relay share: relay.c (requests on their way), relay_ends.c (how they end),
 * relay_loop.c (when to sleep). */
#ifndef STORE_RELAY_INTERNAL_H
#define STORE_RELAY_INTERNAL_H

#include <stdbool.h>

#include "init.h"
#include "relay.h"
#include "requests.h"
#include "waiting_locks.h"

enum relay_state {
	RELAY_SERVES,
	RELAY_GONE,   /* unmounted */
	RELAY_FAILED, /* after one clear line */
};

struct relay {
	struct relay_config config;
	int fuse;
	enum relay_state state;
	struct requests requests;
	struct waiting_locks locks;
	struct init init;
	uint64_t now;	       /* of this turn */
	uint64_t due;	       /* the answerer's */
	uint64_t locks_due;    /* when locks are asked for again */
	uint64_t deadline_due; /* no request that waits ends before */
	uint64_t news;	       /* the tick at which a request was last sent or ended */
	uint64_t answered;     /* the tick of the last answer */
	uint64_t full_since;   /* see `backlog` */
	uint64_t look_due;     /* the tick at which /dev/fuse is looked at again */
	bool backlog; /* all room was in use, and /dev/fuse has not been seen empty since */
	bool stopped; /* by a signal, before anything else ended it */
	struct relay_counts counts;
};

/* relay.c: one turn without sleeping, at tick `now`: takes answers, passes on what waits, reads a
 * request where it is time to. */
void relay_turn(struct relay *r, uint64_t now);

/* It waits to be passed on (again). */
void relay_wait(struct relay *r, struct request *q);

/* relay_ends.c: an end of a request, as the answerer tells it (rpc_done). */
void relay_done(void *self, uint64_t token, enum rpc_outcome outcome, const uint8_t *answer,
		uint32_t bytes);

/* Ends a request that has no answer: by `error`, counted in `*count`. */
void relay_end(struct relay *r, struct request *q, int error, uint64_t *count);

/* Answers one that is held no more. */
void relay_answer_error(struct relay *r, uint64_t unique, int error);

/* The token of the INIT that is said again. */
static inline uint64_t
relay_init_token(const struct relay *r)
{
	return r->requests.most;
}

#endif
