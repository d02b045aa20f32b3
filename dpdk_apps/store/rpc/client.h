/*
 * The client's end of the store's protocol (docs/store-protocol.md): requests go out, and each
 * ends exactly once: with its answer, or with the reason why there is none. It reads no clock:
 * time comes in as ticks of whatever clock its user and its carrier share.
 *
 * One thread uses a client. Nothing is allocated after rpc_client_create(), and nothing but
 * the fragments of a large answer is copied.
 */
#ifndef STORE_CLIENT_H
#define STORE_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "carrier.h"
#include "hello.h"
#include "packet.h"

struct rpc_client;

/* How a request ended. But for ANSWERED it is not known whether it was carried out. */
enum rpc_outcome {
	RPC_ANSWERED,
	RPC_DEADLINE,  /* no answer in time */
	RPC_RESTARTED, /* the server was started anew, or forgot this client, while it was out */
	RPC_CLOSED,    /* the user ended the client */
	RPC_OUTCOMES,  /* number of values */
};

/* Request `token` ended. The answer is the client's and valid until this returns. It may send, but
 * not close or destroy the client. */
typedef void rpc_done(void *self, uint64_t token, enum rpc_outcome outcome, const uint8_t *answer,
		uint32_t bytes);

struct rpc_client_config {
	struct carrier *carrier; /* outlives the client */
	uint32_t peer;		 /* the server, as the carrier names it */
	uint64_t epoch;		 /* random, never 0: another with every start */
	uint64_t seed;		 /* of the jitter */
	struct hello wanted;	 /* `most` and `window` 0: the carrier's; versions 0: all */
	uint64_t rto_first;	 /* all in ticks: before a round trip is known */
	uint64_t rto_floor;	 /* on a carrier that is reliable: far above every round trip */
	uint64_t rto_ceiling;
	uint64_t deadline;  /* of a request, from rpc_client_send() */
	uint64_t heartbeat; /* asks after the server where nothing came for so long */
	uint64_t first_id;  /* 0, but in tests of what happens when ids wrap round */
	rpc_done *done;
	void *self;
};

enum rpc_client_state {
	RPC_JOINING, /* says HELLO until the server answers */
	RPC_OPEN,
	RPC_REFUSED, /* the server cannot agree: rpc_client_refusal() says why */
	RPC_ENDED,   /* rpc_client_close() was called */
};

struct rpc_client_counts {
	uint64_t tx; /* packets */
	uint64_t rx;
	uint64_t ended[RPC_OUTCOMES];	 /* requests */
	uint64_t retransmitted;		 /* fragments that were sent before */
	uint64_t asks;			 /* ASK packets */
	uint64_t timeouts;		 /* waits that ended without news */
	uint64_t busy;			 /* BUSY packets */
	uint64_t hellos;		 /* HELLO packets */
	uint64_t restarts;		 /* other server epochs or sessions that were met */
	uint64_t send_full;		 /* packets that the carrier had no room for */
	uint64_t send_failed;		 /* packets whose peer was gone */
	uint64_t duplicates;		 /* of an answer or fragment that had come */
	uint64_t dropped[PACKET_ERRORS]; /* bytes that are no packet, by reason */
	uint64_t stale;			 /* packets of another epoch, session or HELLO */
	uint64_t unexpected; /* of types that only servers take, or that fit no session */
};

/* Says nothing yet: rpc_client_poll() does. NULL with errno set; EINVAL: a value makes no sense. */
struct rpc_client *rpc_client_create(const struct rpc_client_config *config, uint64_t now);

/* Frees it without a word to anyone: what is out is forgotten. */
void rpc_client_destroy(struct rpc_client *c);

/* Says BYE and ends every request as RPC_CLOSED. */
void rpc_client_close(struct rpc_client *c, uint64_t now);

/*
 * Sends a request, whose bytes stay as they are until it ended. 0; -EAGAIN: all slots are in use,
 * or the server has not answered HELLO (yet, or again); -EMSGSIZE: larger than was agreed;
 * -ENOTCONN: refused or closed.
 */
int rpc_client_send(struct rpc_client *c, uint64_t token, const uint8_t *request, uint32_t bytes,
		uint64_t now);

/* The same with a deadline of its own, a tick: of a request that has waited before, or is sent
 * once more. */
int rpc_client_send_until(struct rpc_client *c, uint64_t token, const uint8_t *request,
		uint32_t bytes, uint64_t now, uint64_t deadline);

/* Takes what has come and does what is due at `now`. Returns the tick at which something is due
 * next if nothing comes before. */
uint64_t rpc_client_poll(struct rpc_client *c, uint64_t now);

/* The way to the server was broken, or stands again: HELLO is said before anything else, so that no
 * request is sent to a server that may be another. */
void rpc_client_rejoin(struct rpc_client *c);

/* A packet that came: what the carrier calls (carrier_take); `self` is the client. */
void rpc_client_take(void *self, uint32_t peer, const uint8_t *packet, uint32_t n, uint64_t tick);

enum rpc_client_state rpc_client_state(const struct rpc_client *c);

/* What was agreed on; all zero before that. */
struct hello rpc_client_agreed(const struct rpc_client *c);

/* Why the server refused: one line. */
void rpc_client_refusal(const struct rpc_client *c, char *text, size_t size);

/* Requests that are out. */
uint32_t rpc_client_out(const struct rpc_client *c);

/* How often the server was started anew, or forgot this client: `restarts` of the counts. What is
 * sent after it grew goes to a server that knows nothing of what was sent before. */
uint64_t rpc_client_restarts(const struct rpc_client *c);

struct rpc_client_counts rpc_client_counts(const struct rpc_client *c);

#endif
