/*
 * The server's end of the store's protocol (docs/store-protocol.md): whole requests are carried
 * out, each at most once, and their answers kept until the client's next request in that slot.
 * It reads no clock and has no timers but the age of what it keeps: clients ask.
 *
 * One thread uses a server. Memory is bounded: a session takes all that it can ever need when
 * it begins (address space: pages are used as requests and answers touch them), and sessions are
 * bounded in number, bytes and age. A client for which there is no room hears BUSY.
 */
#ifndef STORE_SERVER_H
#define STORE_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "carrier.h"
#include "hello.h"
#include "packet.h"

#define RPC_SESSIONS_MAX 256

struct rpc_server;

/*
 * Carries out a request of `client` (its epoch) and writes the answer, of at most `room` bytes;
 * returns its bytes. Called once for each request, whatever became of the packets. A small request
 * is read where the carrier has it: `in` is aligned to nothing, so that no struct may be cast onto
 * it.
 */
typedef size_t rpc_run(void *self, uint64_t client, const uint8_t *in, size_t n, uint8_t *out,
		size_t room);

/*
 * The session of `client` is over: it said so, was silent for too long, or made room for another.
 * None of its requests comes any more, unless it begins anew. It is not called when the server is
 * closed or destroyed: the next one may still know its clients.
 */
typedef void rpc_left(void *self, uint64_t client);

struct rpc_server_config {
	struct carrier *carrier; /* outlives the server */
	uint64_t epoch;		 /* random, never 0: another with every start */
	struct hello offered;	 /* `most` and `window` 0: the carrier's; versions 0: all */
	uint32_t sessions;	 /* at most RPC_SESSIONS_MAX */
	uint64_t bytes;		 /* of all sessions' requests and answers */
	uint64_t session_age;	 /* ticks without a word of a client: far more than its heartbeat */
	uint64_t request_age;	 /* ticks without a fragment of a request that is not whole */
	uint64_t settle;	 /* ticks after which a packet is no more under way */
	rpc_run *run;
	rpc_left *left; /* NULL: nobody wants to know */
	void *self;
};

struct rpc_server_counts {
	uint64_t tx; /* packets */
	uint64_t rx;
	uint64_t run;		/* requests carried out */
	uint64_t retransmitted; /* fragments that were sent before */
	uint64_t duplicates;	/* requests and fragments that had come */
	uint64_t old;		/* of requests before the last one of their slot */
	uint64_t busy;		/* BUSY packets */
	uint64_t restarted;	/* RESTARTED packets */
	uint64_t sessions_begun;
	uint64_t sessions_ended; /* by BYE */
	uint64_t sessions_aged; /* or to make room: for the same peer's next, or where it is gone */
	uint64_t requests_aged; /* given up before they were whole */
	uint64_t refused[REFUSAL_REASONS];
	uint64_t oversized;		 /* answers larger than their room: a fault of run() */
	uint64_t send_full;		 /* packets that the carrier had no room for */
	uint64_t send_failed;		 /* packets whose peer was gone */
	uint64_t dropped[PACKET_ERRORS]; /* bytes that are no packet, by reason */
	uint64_t stale;			 /* packets of a session from another peer */
	uint64_t unexpected; /* of types that only clients take, or that fit no session */
};

/* NULL with errno set; EINVAL: a value makes no sense. */
struct rpc_server *rpc_server_create(const struct rpc_server_config *config);
void rpc_server_destroy(struct rpc_server *s);

/* Says BYE to every client and forgets them all. */
void rpc_server_close(struct rpc_server *s);

/* Takes what has come, and gives up what is too old. Returns how many packets came. */
uint32_t rpc_server_poll(struct rpc_server *s, uint64_t now);

/* A packet that came: what the carrier calls (carrier_take); `self` is the server. */
void rpc_server_take(void *self, uint32_t peer, const uint8_t *packet, uint32_t n, uint64_t tick);

/* How many clients have a session. */
uint32_t rpc_server_sessions(const struct rpc_server *s);

/* The last refusal and what that client wanted, as one line; "" where there was none. */
void rpc_server_refusal(const struct rpc_server *s, char *text, size_t size);

struct rpc_server_counts rpc_server_counts(const struct rpc_server *s);

#endif
