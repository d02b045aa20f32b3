/*
 * The server's work: take bursts from every receive queue of every port, deal the
 * frames out, hand each client its part of the burst.
 */
#ifndef CLIENT_SERVER_SERVER_H
#define CLIENT_SERVER_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mempool.h>
#include <rte_ring.h>

#include "board.h"
#include "burst_guard.h"
#include "dispatch.h"
#include "lifecycle.h"

/* What is on its way to one client: all of one burst, handed over before the next one. */
struct outbox {
	struct rte_ring *ring;
	uint16_t count;
	struct rte_mbuf *frames[BURST];
	bool known_dead;
	uint64_t left_in_ring; /* at the end: enqueued, and never taken */
};

struct server {
	const struct server_view *board;
	struct rte_mempool *pool;
	struct dispatcher dispatcher;
	struct outbox outboxes[DISPATCH_MAX_CLIENTS];
	struct burst_guard guard; /* for the other ends of the ports */
	enum idle_policy idle;
	bool counts_cycles;
	uint64_t busy_ticks; /* of turns in which frames came */
};

/* Makes the clients' rings. False after a message. */
bool server_make_rings(struct server *s, const struct server_view *board);

/* Works, whatever becomes of the other ends of the ports, until a signal; says so when a client was
 * killed. */
void server_run(struct server *s);

/* When no client lives: frees what they left in their rings. */
void server_empty_rings(struct server *s);

/* What of the group's buffers killed clients took with them. */
struct killed_buffers {
	uint64_t kills;
	uint64_t expected; /* by the counts of who took what and gave it where */
	uint64_t slack;	   /* a client may be killed between a change and its count */
};

/* When no client lives and the rings are empty; forgets the caches of the killed ones. */
struct killed_buffers server_killed_buffers(struct server *s);

#endif
