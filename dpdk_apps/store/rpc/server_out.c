#include <errno.h>

#include "server_internal.h"

static int
send_packet(struct rpc_server *s, uint32_t peer, const struct packet *p)
{
	int result = carrier_send(s->config.carrier, peer, p);

	if (result == 0)
		s->counts.tx++;
	else if (result == -EAGAIN)
		s->counts.send_full++;
	else
		s->counts.send_failed++;
	return result;
}

void
server_reply(struct rpc_server *s, uint32_t peer, const struct packet *to, enum packet_type type,
		const uint8_t *payload, uint32_t length)
{
	const struct packet p = {
			.version = PACKET_VERSION_MAX,
			.type = (uint8_t)type,
			.client_epoch = to->client_epoch,
			.server_epoch = s->config.epoch,
			.session = to->session,
			.id = to->id,
			.payload = payload,
			.length = length,
	};

	/* One that was not sent is as one that was lost: the client asks again. */
	(void)send_packet(s, peer, &p);
}

void
server_have(struct rpc_server *s, struct session *session, struct slot *slot,
		const struct packet *to, uint16_t flags)
{
	uint8_t bitmap[PACKET_BITMAP_BYTES_MAX];
	struct packet p = {
			.version = PACKET_VERSION_MAX,
			.type = PACKET_HAVE,
			.flags = flags,
			.client_epoch = session->client,
			.server_epoch = s->config.epoch,
			.session = session->number,
			.id = to->id,
			.payload = bitmap,
	};

	if (slot != NULL) {
		p.count = slot->in.count;
		p.length = receiving_bitmap(&slot->in, bitmap);
	}
	(void)send_packet(s, session->peer, &p);
}

/*
 * A client does not say that the tail of an answer has come: its next request in that slot does. A
 * slot in which nothing has happened for long has nothing under way, whatever its count says. One
 * that has more to send is left alone: its client asks, if there still is one.
 */
static void
settle(struct rpc_server *s, struct session *session, const struct slot *but, uint64_t now)
{
	for (uint32_t i = 0; i < session->agreed.slots; i++) {
		struct slot *slot = &session->slots[i];

		if (slot == but || slot->stalled || slot->out.flight == 0 || now <= slot->active ||
				now - slot->active <= s->config.settle)
			continue;
		session->flight -= slot->out.flight;
		sending_late(&slot->out, slot->out.order);
		session->flight += slot->out.flight;
	}
}

void
server_pump(struct rpc_server *s, struct session *session, struct slot *slot, uint64_t now)
{
	struct sending *out = &slot->out;
	uint32_t window = session->agreed.window;
	int index;

	slot->stalled = false;
	while ((index = sending_next(out)) >= 0) {
		struct packet p = {
				.version = PACKET_VERSION_MAX,
				.type = PACKET_ANSWER,
				.client_epoch = session->client,
				.server_epoch = s->config.epoch,
				.session = session->number,
				.id = slot->id,
		};
		int result;

		if (out->count > 1 && session->flight >= window)
			settle(s, session, slot, now);
		/* The first goes at once, or the client would not know that there is an answer. */
		if (out->count > 1 && out->order > 1 && session->flight >= window) {
			slot->stalled = true;
			break;
		}
		sending_fill(out, (uint16_t)index, &p);
		if (p.count > 1 && (session->flight + 1 >= window || sending_left(out) == 1))
			p.flags |= PACKET_REPORT;
		result = send_packet(s, session->peer, &p);
		if (result != 0) {
			/* A peer that is gone asks again when it is back. */
			slot->stalled = result == -EAGAIN;
			break;
		}
		if (sending_sent(out, (uint16_t)index))
			s->counts.retransmitted++;
		slot->active = now;
		if (out->count == 1)
			out->flight = 0; /* as many as there are slots: no matter for the window */
		else
			session->flight++;
	}
	if (slot->stalled) {
		session->stalled = true;
		s->stalled = true;
	}
}

void
server_pump_stalled(struct rpc_server *s, uint64_t now)
{
	s->stalled = false;
	for (uint32_t i = 0; i < s->config.sessions; i++) {
		struct session *session = &s->sessions[i];

		if (session->client == 0 || !session->stalled)
			continue;
		session->stalled = false;
		for (uint32_t k = 0; k < session->agreed.slots; k++)
			if (session->slots[k].stalled)
				server_pump(s, session, &session->slots[k], now);
	}
}
