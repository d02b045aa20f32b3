#include "carrier.h"

int
carrier_send_in_parts(struct carrier *c, uint32_t peer, const struct packet *p)
{
	uint8_t header[PACKET_HEADER_BYTES];
	const struct iovec parts[2] = {
			{.iov_base = header, .iov_len = sizeof(header)},
			/* The carrier only reads it. */
			{.iov_base = (void *)(uintptr_t)p->payload, .iov_len = p->length},
	};

	packet_encode(header, p);
	return c->calls->send(c, peer, parts, p->length > 0 ? 2 : 1);
}
