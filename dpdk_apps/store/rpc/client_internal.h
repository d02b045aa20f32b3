/* What the parts of the client share: client.c (its life and what users call), client_out.c (what
 * it sends, and its timers), client_in.c (what it takes). */
#ifndef STORE_CLIENT_INTERNAL_H
#define STORE_CLIENT_INTERNAL_H

#include <stdbool.h>

#include "client.h"
#include "fragments.h"
#include "rto.h"

/* A slot: at most one request is out in it. */
struct call {
	uint64_t id; /* of the request that is out, or of the next one */
	uint64_t token;
	uint64_t began;	   /* the tick of its first packet */
	uint64_t deadline; /* ticks */
	uint64_t timer;
	uint8_t *answer;    /* room for the largest */
	uint32_t late_mark; /* the order of sending at the last ASK after a timeout */
	uint8_t timeouts;   /* in a row */
	bool active;
	bool repeated; /* Karn's rule: it tells no round-trip time (any more) */
	struct sending out;
	struct receiving in;
};

struct rpc_client {
	struct rpc_client_config config;
	enum rpc_client_state state;
	struct hello agreed;
	struct refusal refusal;
	struct rto rto;
	uint64_t server_epoch; /* 0: none is known */
	uint64_t hello_id;     /* of the last HELLO: only its WELCOME counts */
	uint64_t hello_timer;
	uint64_t heard; /* the tick of the last packet of this session */
	uint64_t next;	/* no timer ends before */
	uint32_t session;
	uint32_t hello_tries;
	uint32_t part;	 /* bytes of a fragment */
	uint32_t flight; /* packets of requests that are under way */
	uint32_t out;	 /* requests */
	bool stalled;	 /* something waits for the window or the carrier */
	bool blocked;	 /* for the carrier */
	uint32_t turn;	 /* the slot that is served first */
	uint16_t free_slots[HELLO_SLOTS_MAX];
	uint16_t free_count;
	struct call *calls; /* as many as were wanted */
	uint8_t *memory;    /* of their answers */
	struct rpc_client_counts counts;
};

/* client.c: ends a request; its slot is free before the user hears of it. */
void client_end(struct rpc_client *c, struct call *call, enum rpc_outcome outcome,
		const uint8_t *answer, uint32_t bytes);

/* Every request that is out ends so. */
void client_end_all(struct rpc_client *c, enum rpc_outcome outcome);

/* client_out.c: sends what the window allows of a request. */
void client_pump(struct rpc_client *c, struct call *call, uint64_t now);

/* Tells which fragments of the answer have come. */
void client_ask(struct rpc_client *c, struct call *call, uint16_t flags);

/* Waits anew: something has come, or was asked for. */
void client_arm(struct rpc_client *c, struct call *call, uint64_t now);

void client_hello(struct rpc_client *c, uint64_t now);
void client_bye(struct rpc_client *c);

/* Does what is due; sets `next`. */
void client_timers(struct rpc_client *c, uint64_t now);

static inline uint64_t
client_earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

#endif
