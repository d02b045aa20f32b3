/* A listening socket as the source of an echo worker's connections, all of whose messages have one
 * size. */
#ifndef COMMON_LISTENER_H
#define COMMON_LISTENER_H

#include <stddef.h>

#include "echo_worker.h"
#include "endpoint.h"

struct listener {
	struct connection_source source;
	const struct endpoint *address;
	unsigned int worker;
	size_t size;
};

/* Listens as worker number `worker` of `workers`. 0, or -1 after a message. */
int listener_open(struct listener *l, const struct endpoint *address, unsigned int worker,
		unsigned int workers, size_t size, enum tcp_spread *spread);
void listener_close(struct listener *l);

#endif
