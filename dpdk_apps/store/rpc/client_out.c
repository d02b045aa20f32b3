#include "client_internal.h"

#include <errno.h>

/* A packet of this session about request `id`. */
static struct packet
of_session(const struct rpc_client *c, enum packet_type type, uint64_t id)
{
	return (struct packet){
			.version = c->state == RPC_OPEN ? c->agreed.version_max
							: c->config.wanted.version_max,
			.type = (uint8_t)type,
			.client_epoch = c->config.epoch,
			.server_epoch = c->server_epoch,
			.session = c->session,
			.id = id,
	};
}

static int
send_packet(struct rpc_client *c, const struct packet *p)
{
	int result = carrier_send(c->config.carrier, c->config.peer, p);

	if (result == 0) {
		c->counts.tx++;
	} else if (result == -EAGAIN) {
		c->counts.send_full++;
	} else {
		c->counts.send_failed++;
		/* The session goes on over the next connection, if the server still has it. */
		if (c->state == RPC_OPEN)
			rpc_client_rejoin(c);
	}
	return result;
}

void
client_pump(struct rpc_client *c, struct call *call, uint64_t now)
{
	int index;

	while ((index = sending_next(&call->out)) >= 0) {
		struct packet p = of_session(c, PACKET_REQUEST, call->id);

		if (c->flight >= c->agreed.window || c->state != RPC_OPEN) {
			c->stalled = true;
			return;
		}
		sending_fill(&call->out, (uint16_t)index, &p);
		/* The last that can be sent now asks for news, or there would be none before a
		 * timeout. */
		if (p.count > 1 && (c->flight + 1 == c->agreed.window ||
						   sending_left(&call->out) == 1))
			p.flags |= PACKET_REPORT;
		/* Of a large one an ASK says so, once: each LATE packet may have a window of
		 * answers. */
		if (call->timeouts > 0 && p.count == 1)
			p.flags |= PACKET_LATE;
		if (send_packet(c, &p) != 0) {
			c->stalled = true;
			c->blocked = true;
			return;
		}
		if (call->out.order == 1)
			call->began = now;
		if (sending_sent(&call->out, (uint16_t)index)) {
			c->counts.retransmitted++;
			call->repeated = true;
		}
		c->flight++;
	}
}

void
client_ask(struct rpc_client *c, struct call *call, uint16_t flags)
{
	uint8_t bitmap[PACKET_BITMAP_BYTES_MAX];
	struct packet p = of_session(c, PACKET_ASK, call->id);

	p.flags = flags;
	p.count = call->in.count;
	p.length = receiving_bitmap(&call->in, bitmap);
	p.payload = bitmap;
	/* One that was not sent is as one that was lost: the timer knows. */
	if (send_packet(c, &p) == 0)
		c->counts.asks++;
}

void
client_arm(struct rpc_client *c, struct call *call, uint64_t now)
{
	call->timer = client_earlier(now + rto_wait(&c->rto, call->timeouts), call->deadline);
	c->next = client_earlier(c->next, call->timer);
}

void
client_hello(struct rpc_client *c, uint64_t now)
{
	uint8_t bytes[HELLO_BYTES];
	struct packet p = of_session(c, PACKET_HELLO, ++c->hello_id);

	hello_write(bytes, &c->config.wanted);
	p.payload = bytes;
	p.length = HELLO_BYTES;
	c->hello_timer = now + rto_wait(&c->rto, c->hello_tries);
	if (c->hello_tries < UINT8_MAX)
		c->hello_tries++;
	if (send_packet(c, &p) == 0)
		c->counts.hellos++;
}

void
client_bye(struct rpc_client *c)
{
	const struct packet p = of_session(c, PACKET_BYE, 0);

	/* One that is lost costs the server a session until that is too old. */
	(void)send_packet(c, &p);
}

static void
timed_out(struct rpc_client *c, struct call *call, uint64_t now)
{
	struct sending *out = &call->out;

	/* Nothing of it was sent: the window or the carrier has no room. */
	if (out->order == 1) {
		client_pump(c, call, now);
		client_arm(c, call, now);
		return;
	}
	c->counts.timeouts++;
	if (call->timeouts < UINT8_MAX)
		call->timeouts++;
	call->repeated = true;
	if (out->count == 1 && call->in.count == 0) {
		/* A small request is no larger than a question about it. */
		c->flight -= out->flight;
		sending_late(out, out->order);
		c->flight += out->flight;
		client_pump(c, call, now);
	} else {
		call->late_mark = out->order;
		client_ask(c, call, PACKET_LATE);
	}
	client_arm(c, call, now);
}

void
client_timers(struct rpc_client *c, uint64_t now)
{
	c->next = UINT64_MAX;
	if (c->state == RPC_JOINING || (c->state == RPC_OPEN && c->hello_tries > 0)) {
		if (now >= c->hello_timer)
			client_hello(c, now);
		c->next = client_earlier(c->next, c->hello_timer);
	} else if (c->state == RPC_OPEN) {
		if (now >= c->heard + c->config.heartbeat)
			client_hello(c, now);
		c->next = client_earlier(c->next, c->hello_tries > 0
								  ? c->hello_timer
								  : c->heard + c->config.heartbeat);
	}
	for (uint32_t i = 0; i < c->agreed.slots; i++) {
		struct call *call = &c->calls[i];

		if (!call->active)
			continue;
		if (now >= call->deadline)
			client_end(c, call, RPC_DEADLINE, NULL, 0);
		else if (now >= call->timer && c->state == RPC_OPEN)
			timed_out(c, call, now);
		else if (now >= call->timer)
			client_arm(c, call, now);
		if (call->active)
			c->next = client_earlier(c->next, call->timer);
	}
}
