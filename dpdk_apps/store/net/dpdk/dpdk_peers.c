#include "dpdk_peers.h"

_Static_assert(DPDK_PEERS_MAX == UINT8_MAX + 1, "a place and a hint are one byte");

void
dpdk_peers_begin(struct dpdk_peers *p, uint32_t ip, uint16_t udp)
{
	memset(p, 0, sizeof(*p));
	p->ip = ip;
	p->udp = udp;
}

static bool
is_at(const struct dpdk_peer *peer, const struct dpdk_address *a)
{
	return peer->used && peer->address.udp == a->udp && peer->address.ip == a->ip &&
	       peer->address.port == a->port && rte_is_same_ether_addr(&peer->address.mac, &a->mac);
}

struct dpdk_peer *
dpdk_peers_find(struct dpdk_peers *p, const struct dpdk_address *a)
{
	for (uint32_t i = 0; i < DPDK_PEERS_MAX; i++)
		if (is_at(&p->table[i], a))
			return &p->table[i];
	return NULL;
}

static struct dpdk_peer *
make_room(struct dpdk_peers *p)
{
	struct dpdk_peer *oldest = &p->table[0];

	for (uint32_t i = 0; i < DPDK_PEERS_MAX; i++) {
		if (!p->table[i].used)
			return &p->table[i];
		if (p->table[i].heard < oldest->heard)
			oldest = &p->table[i];
	}
	p->recycled++;
	return oldest;
}

void
dpdk_peers_move(struct dpdk_peers *p, struct dpdk_peer *peer, const struct rte_ether_addr *mac,
		const struct rte_ether_addr *own)
{
	const struct frame_ends out = {
			.src_mac = *own,
			.dst_mac = *mac,
			.src_ip = p->ip,
			.dst_ip = peer->address.ip,
			.dst_port = peer->address.udp,
	};
	const struct frame_ends in = {
			.src_mac = *mac,
			.dst_mac = *own,
			.src_ip = peer->address.ip,
			.dst_ip = p->ip,
			.dst_port = p->udp,
	};

	peer->address.mac = *mac;
	frame_path_init(&peer->out, &out, p->udp);
	frame_path_init(&peer->in, &in, peer->address.udp);
}

struct dpdk_peer *
dpdk_peers_add(struct dpdk_peers *p, const struct dpdk_address *a, const struct rte_ether_addr *own,
		uint64_t now)
{
	struct dpdk_peer *peer = make_room(p);
	uint32_t place = (uint32_t)(peer - p->table);

	/* Never DPDK_PEERS_NONE: the first of place 0 is DPDK_PEERS_MAX. */
	do
		peer->number = (peer->number & ~(DPDK_PEERS_MAX - 1u)) + DPDK_PEERS_MAX + place;
	while (peer->number == DPDK_PEERS_NONE);
	peer->used = true;
	peer->address = *a;
	peer->heard = now;
	dpdk_peers_move(p, peer, &a->mac, own);
	return peer;
}

void
dpdk_peers_forget(struct dpdk_peers *p, uint16_t port)
{
	for (uint32_t i = 0; i < DPDK_PEERS_MAX; i++)
		if (p->table[i].address.port == port)
			p->table[i].used = false;
}
