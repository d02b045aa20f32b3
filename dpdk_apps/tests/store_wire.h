/* Packets by hand, to a server and to a client of store_net.h, and what they send. */
#ifndef TESTS_STORE_WIRE_H
#define TESTS_STORE_WIRE_H

#include "packet.h"
#include "store_net.h"
#include "wire.h"

#define WIRE_CLIENT 0xc1
#define WIRE_PART (NET_MOST - PACKET_HEADER_BYTES)

/* A packet that came, with its bytes. */
struct wire_packet {
	struct packet p;
	uint8_t bytes[NET_MOST];
};

/* In memory of exactly its size, so that ASan sees a byte too far. */
static inline uint8_t *
wire_encode(const struct packet *p)
{
	uint8_t *bytes = malloc(PACKET_HEADER_BYTES + p->length);

	assert_non_null(bytes);
	packet_encode(bytes, p);
	for (uint32_t i = 0; i < p->length; i++)
		bytes[PACKET_HEADER_BYTES + i] = p->payload[i];
	return bytes;
}

static inline void
wire_to_server(struct net *n, uint32_t peer, const struct packet *p)
{
	uint8_t *bytes = wire_encode(p);

	rpc_server_take(n->server, peer, bytes, PACKET_HEADER_BYTES + p->length, n->now);
	free(bytes);
}

static inline void
wire_to_client(struct net *n, const struct packet *p)
{
	uint8_t *bytes = wire_encode(p);

	rpc_client_take(n->client, 8, bytes, PACKET_HEADER_BYTES + p->length, n->now);
	free(bytes);
}

/* The oldest packet that was sent to `end` (0: the client, 1: the server); false: none. */
static inline bool
wire_next(struct net *n, int end, struct wire_packet *w)
{
	struct net_end *e = &n->ends[end];
	struct net_packet q;

	if (e->head == e->tail)
		return false;
	q = e->queue[e->head++ % NET_QUEUE];
	memcpy(w->bytes, q.bytes, q.n);
	free(q.bytes);
	assert_int_equal(packet_decode(&w->p, w->bytes, q.n), PACKET_OK);
	return true;
}

/* The one packet that was sent there, of this type. */
static inline void
wire_only(struct net *n, int end, enum packet_type type, struct wire_packet *w)
{
	struct wire_packet other;

	assert_true(wire_next(n, end, w));
	assert_string_equal(packet_type_name(w->p.type), packet_type_name((uint8_t)type));
	assert_false(wire_next(n, end, &other));
}

static inline void
wire_nothing(struct net *n, int end)
{
	struct wire_packet w;

	assert_false(wire_next(n, end, &w));
}

static inline struct packet
wire_hello(uint64_t client, const struct hello *h, uint8_t bytes[HELLO_BYTES])
{
	hello_write(bytes, h);
	return (struct packet){.version = h->version_max,
			.type = PACKET_HELLO,
			.client_epoch = client,
			.id = 1,
			.payload = bytes,
			.length = HELLO_BYTES};
}

static inline struct hello
wire_wanted(void)
{
	return (struct hello){.version_min = 1,
			.version_max = 1,
			.slots = 32,
			.most = NET_MOST,
			.value_max = NET_VALUE,
			.window = 64};
}

/* Begins a session by hand; what a packet of it begins with. */
static inline struct packet
wire_session(struct net *n, uint64_t client, uint32_t peer)
{
	uint8_t bytes[HELLO_BYTES];
	const struct hello wanted = wire_wanted();
	struct packet p = wire_hello(client, &wanted, bytes);
	struct wire_packet w;

	wire_to_server(n, peer, &p);
	wire_only(n, 0, PACKET_WELCOME, &w);
	assert_int_equal(w.p.id, 1);
	return (struct packet){.version = 1,
			.client_epoch = client,
			.server_epoch = w.p.server_epoch,
			.session = w.p.session};
}

/* Fragment `index` of request `number` of `bytes`, to be answered by `answer` bytes; `room` holds
 * the request. */
static inline struct packet
wire_request(struct net *n, const struct packet *of, uint64_t id, uint32_t number, uint32_t bytes,
		uint32_t answer, uint16_t index, uint8_t *room)
{
	const uint64_t head[2] = {number, answer};
	struct packet p = *of;
	uint32_t count = (bytes + WIRE_PART - 1) / WIRE_PART;

	memcpy(room, head, sizeof(head));
	memcpy(room + NET_HEAD, net_bytes(n, number, 0), bytes - NET_HEAD);
	p.type = PACKET_REQUEST;
	p.id = id;
	p.total = bytes;
	p.count = (uint16_t)count;
	p.index = index;
	p.offset = index * WIRE_PART;
	p.length = index < count - 1 ? WIRE_PART : bytes - p.offset;
	p.payload = room + p.offset;
	return p;
}

#endif
