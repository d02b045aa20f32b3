/* Which client gets a frame. */
#ifndef CLIENT_SERVER_DISPATCH_H
#define CLIENT_SERVER_DISPATCH_H

#include <stddef.h>
#include <stdint.h>

#include "spread.h"

#define DISPATCH_MAX_CLIENTS 16

enum dispatch_by {
	DISPATCH_ROUND_ROBIN, /* each in turn, frame by frame: even, but a flow is scattered */
	DISPATCH_FLOW,	      /* by hash: a flow always goes to one client, and stays in order */
};

struct dispatcher {
	enum dispatch_by by;
	uint16_t num_clients;
	uint16_t next; /* round-robin */
	struct spread spread;
};

/* `num_clients` is 1..DISPATCH_MAX_CLIENTS. */
void dispatcher_init(struct dispatcher *d, enum dispatch_by by, uint16_t num_clients);

/*
 * The hash of a frame's flow: over IPv4 addresses and UDP ports as spread.h has it. Of fragments,
 * and of IPv4 that is no UDP, the ports count as 0; of what is no IPv4 or too short the hash is 0.
 */
uint32_t dispatch_hash(const uint8_t *frame, size_t length);

/* The client of a frame of `length` bytes. */
static inline uint16_t
dispatch(struct dispatcher *d, const uint8_t *frame, size_t length)
{
	uint16_t client = d->next;

	if (d->by == DISPATCH_FLOW)
		return spread_queue(&d->spread, dispatch_hash(frame, length));
	d->next = client + 1 < d->num_clients ? client + 1 : 0;
	return client;
}

#endif
