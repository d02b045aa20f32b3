#include "dpdk_carrier.h"

#include <errno.h>

#include <rte_prefetch.h>

#include "clock.h"

/* Looks in vain of a server between two at the clock. */
#define LOOKS_PER_CLOCK 16

static const struct rte_ether_addr broadcast = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

const char *
dpdk_drop_name(enum dpdk_drop reason)
{
	switch (reason) {
	case DPDK_DROP_SEGMENTED:
		return "segmented";
	case DPDK_DROP_MAC:
		return "wrong_mac";
	case DPDK_DROP_IP:
		return "wrong_ip";
	case DPDK_DROP_PORT:
		return "wrong_port";
	case DPDK_DROP_STRANGER:
		return "stranger";
	default:
		return frame_error_name((enum frame_error)reason);
	}
}

/* A frame to be filled: whose it is until it is sent, and where its packet goes. */
struct letter {
	struct dpdk_port *port;
	struct rte_mbuf *frame;
	uint8_t *packet;
};

/* Begins a frame for a packet of `bytes`. 0, or as send() of a carrier does. */
static inline int
begin_letter(struct dpdk_carrier *c, uint32_t number, size_t bytes, struct letter *l)
{
	struct dpdk_peer *peer = dpdk_peers_numbered(&c->peers, number);
	uint8_t *frame;

	if (unlikely(peer == NULL || !c->ports[peer->address.port].up))
		return -ENOTCONN;
	if (unlikely(bytes > c->carrier.most))
		return -EMSGSIZE;
	l->port = &c->ports[peer->address.port];
	l->frame = dpdk_port_frame(l->port);
	if (unlikely(l->frame == NULL))
		return -EAGAIN;
	/* The pool's buffers hold any frame of the MTU, which is no more than `most` allows. */
	l->frame->data_len = (uint16_t)(FRAME_HEADER_BYTES + bytes);
	l->frame->pkt_len = l->frame->data_len;
	frame = rte_pktmbuf_mtod(l->frame, uint8_t *);
	frame_path_write(frame, &peer->out, (uint16_t)bytes);
	l->packet = frame + FRAME_HEADER_BYTES;
	return 0;
}

/* Sends it: the frame is the port's from here on. One that is as large as can be is likely a
 * fragment, with others behind it. */
static inline void
end_letter(const struct dpdk_carrier *c, const struct letter *l, size_t bytes)
{
	dpdk_port_send(l->port, l->frame, bytes == c->carrier.most);
}

static int
send_parts(struct carrier *carrier, uint32_t number, const struct iovec *parts, int count)
{
	struct dpdk_carrier *c = (struct dpdk_carrier *)carrier;
	struct letter l;
	size_t bytes = 0;
	int result;

	for (int i = 0; i < count; i++)
		bytes += parts[i].iov_len;
	result = begin_letter(c, number, bytes, &l);
	if (unlikely(result != 0))
		return result;
	for (int i = 0; i < count; i++) {
		memcpy(l.packet, parts[i].iov_base, parts[i].iov_len);
		l.packet += parts[i].iov_len;
	}
	end_letter(c, &l, bytes);
	return 0;
}

static int
send_packet(struct carrier *carrier, uint32_t number, const struct packet *p)
{
	struct dpdk_carrier *c = (struct dpdk_carrier *)carrier;
	size_t bytes = PACKET_HEADER_BYTES + (size_t)p->length;
	struct letter l;
	int result = begin_letter(c, number, bytes, &l);

	if (unlikely(result != 0))
		return result;
	packet_encode(l.packet, p);
	if (p->length > 0)
		memcpy(l.packet + PACKET_HEADER_BYTES, p->payload, p->length);
	end_letter(c, &l, bytes);
	return 0;
}

/* Whether it is one of our packets, if of another version. */
static bool
is_packet(const uint8_t *bytes, size_t n)
{
	struct packet p;
	enum packet_error error = packet_decode(&p, bytes, n);

	return error == PACKET_OK || error == PACKET_VERSION;
}

/* A valid frame for this end from somebody whose address is not (or no more) in the table. NULL: it
 * stays so. */
static struct dpdk_peer *
admit(struct dpdk_carrier *c, const struct dpdk_address *from, const struct frame *f, uint64_t tick)
{
	const struct rte_ether_addr *own = &c->ports[from->port].state.mac;
	struct dpdk_peer *server;

	if (!is_packet(f->payload, f->payload_bytes)) {
		c->drops[from->port][DPDK_DROP_STRANGER]++;
		return NULL;
	}
	if (c->server_peer == DPDK_PEERS_NONE)
		return dpdk_peers_add(&c->peers, from, own, tick);
	/* The server answers for the first time, or was started anew behind another station. */
	server = dpdk_peers_numbered(&c->peers, c->server_peer);
	dpdk_peers_move(&c->peers, server, &from->mac, own);
	return server;
}

/* Why a valid frame is not for this end, or not from the server; FRAME_OK: it is. */
static int
refuse_address(const struct dpdk_carrier *c, const struct dpdk_address *from, const struct frame *f,
		const struct rte_ether_addr *to)
{
	if (!rte_is_same_ether_addr(to, &c->ports[from->port].state.mac) &&
			!rte_is_broadcast_ether_addr(to))
		return DPDK_DROP_MAC;
	if (f->dst_ip != c->peers.ip)
		return DPDK_DROP_IP;
	if (f->dst_port != c->peers.udp)
		return DPDK_DROP_PORT;
	if (c->server_peer == DPDK_PEERS_NONE)
		return FRAME_OK;
	if (f->src_ip != c->server.ip)
		return DPDK_DROP_IP;
	if (f->src_port != c->server.udp)
		return DPDK_DROP_PORT;
	return c->server.has_mac && !rte_is_same_ether_addr(&from->mac, &c->server.mac)
			       ? DPDK_DROP_MAC
			       : FRAME_OK;
}

/* All that a frame can be beside one that was expected: of a peer that others came between, of a
 * new one, or to be dropped. NULL: counted as that. Seldom, and so kept out of the way of those
 * that were expected. */
static __rte_noinline __rte_cold struct dpdk_peer *
meet(struct dpdk_carrier *c, uint16_t port, const uint8_t *bytes, size_t length, uint64_t tick,
		uint16_t *payload_bytes)
{
	struct dpdk_address from = {.port = port};
	struct rte_ether_hdr eth;
	struct dpdk_peer *peer;
	struct frame f;
	int reason = (int)frame_read(&f, bytes, length);

	if (reason == FRAME_OK) {
		memcpy(&eth, bytes, sizeof(eth));
		from.mac = eth.src_addr;
		from.ip = f.src_ip;
		from.udp = f.src_port;
		reason = refuse_address(c, &from, &f, &eth.dst_addr);
	}
	if (reason != FRAME_OK) {
		c->drops[port][reason]++;
		return NULL;
	}
	peer = dpdk_peers_find(&c->peers, &from);
	if (peer == NULL)
		peer = admit(c, &from, &f, tick);
	if (peer != NULL)
		dpdk_peers_remember(&c->peers, peer, bytes);
	*payload_bytes = f.payload_bytes;
	return peer;
}

/* Shows one frame, which stays the caller's. Returns how many packets that were. */
static inline uint32_t
show(struct dpdk_carrier *c, uint16_t index, const struct rte_mbuf *m, uint64_t tick,
		carrier_take *take, void *self)
{
	const uint8_t *bytes = rte_pktmbuf_mtod(m, const uint8_t *);
	size_t length = rte_pktmbuf_data_len(m);
	uint16_t payload_bytes;
	struct dpdk_peer *peer;

	if (unlikely(m->nb_segs != 1)) {
		c->drops[index][DPDK_DROP_SEGMENTED]++;
		return 0;
	}
	peer = dpdk_peers_guess(&c->peers, index, bytes, length, &payload_bytes);
	if (unlikely(peer == NULL)) {
		peer = meet(c, index, bytes, length, tick, &payload_bytes);
		if (peer == NULL)
			return 0;
	}
	peer->heard = tick;
	take(self, peer->number, bytes + FRAME_HEADER_BYTES, payload_bytes, tick);
	return 1;
}

/* The link of a port has come up: who was behind the one before is not there any more. A server
 * keeps its number for its client, and is looked for anew. */
static void
begin_link(struct dpdk_carrier *c, uint16_t port)
{
	struct dpdk_peer *server;

	if (c->server_peer == DPDK_PEERS_NONE) {
		dpdk_peers_forget(&c->peers, port);
		return;
	}
	server = dpdk_peers_numbered(&c->peers, c->server_peer);
	if (!c->server.has_mac)
		dpdk_peers_move(&c->peers, server, &broadcast, &c->ports[port].state.mac);
}

/*
 * When a burst came. A client measures round trips by it. A server goes by the clock in ages alone,
 * and to read it takes as long as many other things: it does so when its answers have left.
 */
static inline uint64_t
tick_of_burst(const struct dpdk_carrier *c)
{
	return c->server_peer == DPDK_PEERS_NONE ? c->tick : clock_ticks();
}

/* After a look at all ports, in which so many packets came. */
static inline void
look_at_clock(struct dpdk_carrier *c, uint32_t came)
{
	if (c->server_peer == DPDK_PEERS_NONE && (came > 0 || ++c->looks % LOOKS_PER_CLOCK == 0))
		c->tick = clock_ticks();
}

/* Shows what has come by a port, and gives it back. Returns how many packets that were. */
static inline uint32_t
show_burst(struct dpdk_carrier *c, struct dpdk_port *port, struct rte_mbuf **frames, uint32_t came,
		carrier_take *take, void *self)
{
	uint16_t index = (uint16_t)(port - c->ports);
	uint64_t tick = tick_of_burst(c);
	uint32_t shown = 0;

	for (uint32_t i = 0; i < came; i++) {
		if (i + 1 < came)
			rte_prefetch0(rte_pktmbuf_mtod(frames[i + 1], void *));
		shown += show(c, index, frames[i], tick, take, self);
		port->counts.rx_bytes += rte_pktmbuf_pkt_len(frames[i]);
		dpdk_port_free(port, frames[i]);
	}
	if (port->up && port->waiting > 0)
		dpdk_port_flush(port);
	return shown;
}

/* Before a look at a port whose link is down, or from which frames have yet to leave: whether there
 * is something to look at. */
static __rte_noinline __rte_cold bool
prepare_port(struct dpdk_carrier *c, struct dpdk_port *port)
{
	if (port->up) {
		dpdk_port_flush(port);
		return port->up;
	}
	dpdk_port_revive(port);
	if (port->up)
		begin_link(c, (uint16_t)(port - c->ports));
	return false;
}

static uint32_t
carrier_poll_ports(struct carrier *carrier, carrier_take *take, void *self)
{
	struct dpdk_carrier *c = (struct dpdk_carrier *)carrier;
	struct dpdk_port *const end = c->ports + c->port_count;
	struct rte_mbuf *frames[DPDK_BURST];
	uint32_t shown = 0;

	for (struct dpdk_port *port = c->ports; port < end; port++) {
		uint16_t came;

		if (unlikely(!port->up || port->waiting > 0) && !prepare_port(c, port))
			continue;
		came = dpdk_port_receive(port, frames);
		if (came > 0)
			shown += show_burst(c, port, frames, came, take, self);
	}
	look_at_clock(c, shown);
	return shown;
}

static bool
carrier_gone(struct carrier *carrier, uint32_t number)
{
	struct dpdk_carrier *c = (struct dpdk_carrier *)carrier;
	const struct dpdk_peer *peer = dpdk_peers_numbered(&c->peers, number);

	return peer == NULL || !c->ports[peer->address.port].up;
}

void
dpdk_carrier_begin(struct dpdk_carrier *c, uint16_t count, uint32_t ip, uint16_t udp,
		const struct dpdk_server_address *server, uint16_t mtu)
{
	static const struct carrier_calls calls = {.send = send_parts,
			.send_packet = send_packet,
			.poll = carrier_poll_ports,
			.gone = carrier_gone};
	uint16_t queue = UINT16_MAX;

	for (uint16_t i = 0; i < count; i++)
		queue = RTE_MIN(queue, dpdk_port_queue(&c->ports[i]));
	c->port_count = count;
	c->carrier = (struct carrier){
			.calls = &calls,
			.most = frame_payload_of_mtu(mtu),
			.window = queue / 2,
	};
	c->tick = clock_ticks();
	dpdk_peers_begin(&c->peers, ip, udp);
	c->server_peer = DPDK_PEERS_NONE;
	if (server != NULL) {
		const struct dpdk_address at = {
				.mac = server->has_mac ? server->mac : broadcast,
				.ip = server->ip,
				.udp = server->udp,
		};

		c->server = *server;
		c->server_peer = dpdk_peers_add(&c->peers, &at, &c->ports[0].state.mac, 0)->number;
	}
}
