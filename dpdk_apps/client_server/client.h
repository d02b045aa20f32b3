/*
 * A client's work: take frames from its ring, swap their MAC addresses, let them
 * wait in the send buffer of the paired port until it is full or time is up.
 */
#ifndef CLIENT_SERVER_CLIENT_H
#define CLIENT_SERVER_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ring.h>

#include "board.h"
#include "lifecycle.h"
#include "primary_watch.h"
#include "tx_buffer.h"

struct client {
	const struct client_view *board;
	struct rte_ring *ring;
	struct tx_buffer buffers[PORT_MAX]; /* [port_count]: what is to leave by each port */
	bool has_sent[PORT_MAX];
	uint16_t id;	/* and its send queue */
	uint64_t drain; /* ticks; 0: no frame waits for the next turn */
	uint32_t sleep_us;
	enum idle_policy idle;
	bool counts_cycles;
	uint64_t busy_ticks; /* of turns in which frames came */
	struct primary_watch watch;
};

/* Why client_run() returned. */
enum ending {
	ENDED_BY_SIGNAL,
	ENDED_PRIMARY_DIED,
};

/* Works until a signal, or until the server is gone (noticed within 1 s, also by one that sleeps).
 */
enum ending client_run(struct client *c);

/* Counts what still waits to leave, and frees it; not if the server is gone, which may have died in
 * the middle of a change to the pool that we would wait for, for ever. */
void client_drop_unflushed(struct client *c, bool pool_is_safe);

#endif
