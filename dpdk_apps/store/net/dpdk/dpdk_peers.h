/*
 * The other ends that frames come from and go to: each is a port of ours, a MAC and an IP address
 * and a UDP port. A peer's number is its place in the table and how many had that place before, so
 * that an answer that comes late goes to no other.
 *
 * The table is bounded. Who is in it has sent a valid frame with a packet of ours in it: the
 * caller sees to that. Where there is no room, the one goes that has been silent for longest; if
 * that one speaks again, it is met anew under another number.
 */
#ifndef STORE_DPDK_PEERS_H
#define STORE_DPDK_PEERS_H

#include <stdbool.h>
#include <stdint.h>

#include "frame_path.h"

/* As many as the protocol has sessions (RPC_SESSIONS_MAX). */
#define DPDK_PEERS_MAX 256
#define DPDK_PEERS_NONE 0 /* is no peer's number */

/* Where a frame is from. */
struct dpdk_address {
	struct rte_ether_addr mac;
	uint16_t port; /* index of ours */
	uint32_t ip;
	uint16_t udp;
};

struct dpdk_peer {
	bool used;
	uint32_t number;
	struct dpdk_address address;
	uint64_t heard; /* tick of the last frame */
	struct frame_path out;
	struct frame_path in;
};

struct dpdk_peers {
	uint32_t ip; /* ours */
	uint16_t udp;
	uint32_t recycled; /* peers that had to go */
	struct dpdk_peer table[DPDK_PEERS_MAX];
	/* Places by a few bits of an address: where to look first. */
	uint8_t recent[DPDK_PEERS_MAX];
};

void dpdk_peers_begin(struct dpdk_peers *p, uint32_t ip, uint16_t udp);

/* The peer with this number; NULL: there is none any more. */
static inline struct dpdk_peer *
dpdk_peers_numbered(struct dpdk_peers *p, uint32_t number)
{
	struct dpdk_peer *peer = &p->table[number & (DPDK_PEERS_MAX - 1)];

	return peer->used && peer->number == number ? peer : NULL;
}

/* A few bits of the address in a frame of at least FRAME_HEADER_BYTES: those that differ between
 * clients on one link, the ends of IP address and UDP port. */
static inline uint8_t
dpdk_peers_hint(const uint8_t *frame, uint16_t port)
{
	return frame[FRAME_AT_ADDRESSES + 3] ^ frame[FRAME_UDP_OFFSET + 1] ^ (uint8_t)(port << 4);
}

/* The peer whose frame this is, if it is right in every byte of its header; NULL: it is none of
 * those seen last, which says nothing against it. */
static inline struct dpdk_peer *
dpdk_peers_guess(struct dpdk_peers *p, uint16_t port, const uint8_t *frame, size_t length,
		uint16_t *payload_bytes)
{
	struct dpdk_peer *peer;

	if (length < FRAME_HEADER_BYTES)
		return NULL;
	peer = &p->table[p->recent[dpdk_peers_hint(frame, port)]];
	return peer->used && peer->address.port == port &&
					       frame_path_is(&peer->in, frame, length,
							       payload_bytes)
			       ? peer
			       : NULL;
}

/* Makes dpdk_peers_guess() look at `peer` first for frames like this one. */
static inline void
dpdk_peers_remember(struct dpdk_peers *p, const struct dpdk_peer *peer, const uint8_t *frame)
{
	p->recent[dpdk_peers_hint(frame, peer->address.port)] = (uint8_t)(peer - p->table);
}

/* NULL: nobody with this address is in the table. */
struct dpdk_peer *dpdk_peers_find(struct dpdk_peers *p, const struct dpdk_address *a);

/* Puts one into the table, in the place of the one that has been silent for longest where there is
 * no other; `own` is the address of our port. */
struct dpdk_peer *dpdk_peers_add(struct dpdk_peers *p, const struct dpdk_address *a,
		const struct rte_ether_addr *own, uint64_t now);

/* The same peer, at another MAC address. */
void dpdk_peers_move(struct dpdk_peers *p, struct dpdk_peer *peer, const struct rte_ether_addr *mac,
		const struct rte_ether_addr *own);

/* Forgets all that came by a port: its link is gone, and with it who was there. */
void dpdk_peers_forget(struct dpdk_peers *p, uint16_t port);

#endif
