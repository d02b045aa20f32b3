#include "listener.h"

static int
next_accepted(struct connection_source *source, size_t *size)
{
	const struct listener *l = (const struct listener *)source;

	*size = l->size;
	return endpoint_accept(l->address, source->fd);
}

int
listener_open(struct listener *l, const struct endpoint *address, unsigned int worker,
		unsigned int workers, size_t size, enum tcp_spread *spread)
{
	*l = (struct listener){
			.source.next = next_accepted,
			.address = address,
			.worker = worker,
			.size = size,
	};
	l->source.fd = endpoint_listen(address, worker, workers, spread);
	return l->source.fd >= 0 ? 0 : -1;
}

void
listener_close(struct listener *l)
{
	endpoint_close(l->address, l->worker, l->source.fd);
}
