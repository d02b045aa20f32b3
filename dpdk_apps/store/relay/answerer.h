/*
 * Who answers the requests that the relay reads from /dev/fuse: a server behind the store's
 * protocol, an executor in the same process, or nobody but the process itself. Each request that
 * it takes ends exactly once, by done(); how, is said in the words of the protocol.
 */
#ifndef STORE_ANSWERER_H
#define STORE_ANSWERER_H

#include <stdint.h>

#include "client.h"

enum answerer_state {
	ANSWERER_AWAY, /* takes no request now */
	ANSWERER_OPEN,
	ANSWERER_REFUSED, /* and will never take one again */
};

struct answerer;

struct answerer_calls {
	/* Takes a request, whose bytes stay as they are until done() was called for it, from within
	 * this call or from within poll(). 0; -EAGAIN: not now; else: never. */
	int (*send)(struct answerer *a, uint64_t token, const uint8_t *request, uint32_t bytes,
			uint64_t now, uint64_t deadline);
	/* Does what is due; returns the tick at which something is due next if nothing comes. */
	uint64_t (*poll)(struct answerer *a, uint64_t now);
	/* Sleeps until an answer may have come, `fd` (-1: none) is readable, or `ns` have passed.
	 * NULL: whoever waits for an answer polls. */
	void (*wait)(struct answerer *a, int fd, uint64_t ns);
	/* Where one polls: the same for who expects no answer. NULL: it cannot be slept with. */
	void (*rest)(struct answerer *a, int fd, uint64_t ns);
};

struct answerer {
	const struct answerer_calls *calls;
	/* The relay's, which sets them. */
	rpc_done *done;
	void *self;
	/* The answerer's: as of its last call. */
	enum answerer_state state;
	uint32_t out;  /* requests that are neither answered nor given up */
	uint64_t life; /* another number where INIT is unknown, as a server was started anew */
};

#endif
