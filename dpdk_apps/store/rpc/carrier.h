/*
 * What carries packets between a client and a server of the store: frames over a DPDK
 * port, or a TCP connection. Protocol and file system know no more of either than this.
 *
 * A packet is a header (packet.h) and its payload. A carrier that is not reliable may lose,
 * repeat, reorder and damage packets; one that is reliable does none of it until it says
 * that a peer is gone.
 */
#ifndef STORE_CARRIER_H
#define STORE_CARRIER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "packet.h"

struct carrier;

/* Shown a packet that came from `peer` at `tick` (clock.h); the bytes remain the carrier's. */
typedef void carrier_take(
		void *self, uint32_t peer, const uint8_t *packet, uint32_t bytes, uint64_t tick);

struct carrier_calls {
	/*
	 * Sends one packet of `count` parts, copying them: they are the caller's again at once. 0;
	 * -EAGAIN where there is no room now; -ENOTCONN where that peer is gone. Called from within
	 * take() as well, with parts that may be bytes of the packet that is shown there.
	 */
	int (*send)(struct carrier *c, uint32_t peer, const struct iovec *parts, int count);
	/* The same for a packet that is encoded where the carrier needs it. NULL: it takes nothing
	 * but parts. Both carrier_send() knows. */
	int (*send_packet)(struct carrier *c, uint32_t peer, const struct packet *p);
	/* Hands all that has come to `take`, without waiting; what send() kept back leaves too. A
	 * carrier whose peer is gone (to a client: the server) connects again from here. Returns
	 * how many packets came. */
	uint32_t (*poll)(struct carrier *c, carrier_take *take, void *self);
	/*
	 * Sleeps until a packet may have come, `fd` (-1: none) is readable, or `ns` have passed.
	 * NULL where a carrier cannot sleep: its user polls.
	 */
	void (*wait)(struct carrier *c, int fd, uint64_t ns);
	/* The same of one whose user polls while it expects something, for when it expects nothing.
	 * NULL: this one cannot tell that something came. */
	void (*rest)(struct carrier *c, int fd, uint64_t ns);
	/* Whether nothing can come from that peer any more: its connection has ended. NULL where a
	 * carrier has no connections. */
	bool (*gone)(struct carrier *c, uint32_t peer);
};

struct carrier {
	const struct carrier_calls *calls;
	uint32_t most; /* bytes of a packet, header included */
	/* Packets that may be under way to one peer without overrunning it: half of what its queue
	 * takes, since questions and one packet for each slot come on top (docs/store-protocol.md).
	 */
	uint32_t window;
	bool reliable;
};

/* For a carrier that takes nothing but parts: encodes and sends `p`. */
int carrier_send_in_parts(struct carrier *c, uint32_t peer, const struct packet *p);

/* Sends `p`. Returns as `send` of the carrier does. */
static inline int
carrier_send(struct carrier *c, uint32_t peer, const struct packet *p)
{
	return c->calls->send_packet != NULL ? c->calls->send_packet(c, peer, p)
					     : carrier_send_in_parts(c, peer, p);
}

#endif
