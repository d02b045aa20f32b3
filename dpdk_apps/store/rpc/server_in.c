#include "server_internal.h"
#include "wire.h"

static struct slot *
slot_of(const struct session *session, uint64_t id)
{
	return &session->slots[id & (session->agreed.slots - 1u)];
}

/* Whether `id` is later than what the slot had; right when ids wrap round as well. */
static bool
is_newer(const struct slot *slot, uint64_t id)
{
	return !slot->used || (int64_t)(id - slot->id) > 0;
}

static void
busy(struct rpc_server *s, struct session *session, const struct packet *p)
{
	s->counts.busy++;
	server_reply(s, session->peer, p, PACKET_BUSY, NULL, 0);
}

/* Carries out the request of a slot, once: the slot's state stands between it and every other copy,
 * and run() may poll in the middle. */
static void
run(struct rpc_server *s, struct session *session, struct slot *slot, const uint8_t *in,
		uint32_t bytes, uint64_t now)
{
	uint8_t *out = slot->memory + session->agreed.value_max;
	size_t room = session->agreed.value_max;
	size_t answer;

	slot->state = SLOT_RUNNING;
	s->counts.run++;
	answer = s->config.run(s->config.self, session->client, in, bytes, out, room);
	if (answer > room) {
		s->counts.oversized++;
		answer = 0;
	}
	slot->state = SLOT_DONE;
	sending_start(&slot->out, out, (uint32_t)answer, session->part);
	server_pump(s, session, slot, now);
}

/* What the client says of the answer: which fragments it has, or that it waited in vain. */
static void
answer_progress(struct session *session, struct slot *slot, const struct packet *p)
{
	struct sending *out = &slot->out;
	uint32_t before = out->flight;

	/* A request has no bitmap. */
	if (p->type == PACKET_ASK)
		(void)sending_progress(out, p->payload, p->count,
				(p->flags & PACKET_REPORT) != 0 ? 0 : FRAGMENTS_REORDER);
	if ((p->flags & PACKET_LATE) != 0)
		sending_late(out, out->order);
	session->flight -= before - out->flight;
}

/* Another copy of something about a request that was carried out. */
static void
answer_again(struct rpc_server *s, struct session *session, struct slot *slot,
		const struct packet *p, uint64_t now)
{
	if (slot->out.count == 1)
		sending_restart(&slot->out);
	else if (p->type == PACKET_ASK || (p->flags & PACKET_LATE) != 0)
		answer_progress(session, slot, p);
	else
		return; /* the network repeated it: the answer is on its way */
	server_pump(s, session, slot, now);
}

static void
take_fragment(struct rpc_server *s, struct session *session, struct slot *slot,
		const struct packet *p, uint64_t now)
{
	switch (receiving_add(&slot->in, p)) {
	case RECEIVING_WHOLE:
		slot->active = now;
		run(s, session, slot, slot->in.bytes, slot->in.total, now);
		return;
	case RECEIVING_WAITS:
		slot->active = now;
		break;
	case RECEIVING_REPEATED:
		s->counts.duplicates++;
		break;
	case RECEIVING_REFUSED:
		s->counts.unexpected++;
		return;
	}
	if ((p->flags & PACKET_REPORT) != 0)
		server_have(s, session, slot, p, PACKET_REPORT);
	else if (slot->in.unreported > session->agreed.window / 4)
		server_have(s, session, slot, p, 0);
}

static void
begin(struct rpc_server *s, struct session *session, struct slot *slot, const struct packet *p,
		uint64_t now)
{
	/* The client has the answer before this, or wants it no more. */
	session->flight -= slot->out.flight;
	slot->out.flight = 0;
	slot->stalled = false;
	slot->id = p->id;
	slot->used = true;
	slot->active = now;
	if (p->count == 1) {
		run(s, session, slot, p->payload, p->length, now);
		return;
	}
	slot->state = SLOT_PARTIAL;
	receiving_start(&slot->in, slot->memory, p, session->part);
	take_fragment(s, session, slot, p, now);
}

static void
take_request(struct rpc_server *s, struct session *session, const struct packet *p, uint64_t now)
{
	struct slot *slot = slot_of(session, p->id);

	if (!fragment_fits(p, session->part, session->agreed.value_max)) {
		s->counts.unexpected++;
		return;
	}
	if (slot->state == SLOT_RUNNING) {
		busy(s, session, p);
	} else if (is_newer(slot, p->id)) {
		begin(s, session, slot, p, now);
	} else if (slot->id != p->id) {
		s->counts.old++;
	} else if (slot->state == SLOT_EMPTY) {
		begin(s, session, slot, p, now);
	} else if (slot->state == SLOT_PARTIAL) {
		take_fragment(s, session, slot, p, now);
	} else {
		s->counts.duplicates++;
		answer_again(s, session, slot, p, now);
	}
}

static void
take_ask(struct rpc_server *s, struct session *session, const struct packet *p, uint64_t now)
{
	struct slot *slot = slot_of(session, p->id);
	uint16_t late = p->flags & PACKET_LATE;

	if (slot->state == SLOT_RUNNING)
		busy(s, session, p);
	else if (is_newer(slot, p->id))
		server_have(s, session, NULL, p, late);
	else if (slot->id != p->id)
		s->counts.old++;
	else if (slot->state == SLOT_EMPTY)
		server_have(s, session, NULL, p, late);
	else if (slot->state == SLOT_PARTIAL)
		server_have(s, session, slot, p, late);
	else
		answer_again(s, session, slot, p, now);
}

static void
restarted(struct rpc_server *s, uint32_t peer, const struct packet *p)
{
	uint8_t named[RESTARTED_BYTES];

	wire_put_be64(named, p->server_epoch);
	s->counts.restarted++;
	server_reply(s, peer, p, PACKET_RESTARTED, named, RESTARTED_BYTES);
}

static void
take_of_session(struct rpc_server *s, uint32_t peer, const struct packet *p, uint64_t now)
{
	struct session *session =
			p->server_epoch == s->config.epoch
					? server_session_find(s, p->session, p->client_epoch)
					: NULL;

	if (session == NULL) {
		if (p->type != PACKET_BYE)
			restarted(s, peer, p);
		return;
	}
	/* A client that comes another way says HELLO there first. */
	if (session->peer != peer) {
		s->counts.stale++;
		return;
	}
	session->heard = now;
	if (p->type == PACKET_REQUEST) {
		take_request(s, session, p, now);
	} else if (p->type == PACKET_ASK) {
		take_ask(s, session, p, now);
	} else if (!server_session_runs(session)) {
		/* In the middle of run() the session is needed: it ends by its age. */
		s->counts.sessions_ended++;
		server_session_leave(s, session);
	}
}

static void
refuse_version(struct rpc_server *s, uint32_t peer, const struct packet *p)
{
	uint8_t bytes[REFUSAL_BYTES];

	s->refusal = (struct refusal){
			.reason = REFUSAL_VERSION,
			.version_min = s->config.offered.version_min,
			.version_max = s->config.offered.version_max,
	};
	s->refused = (struct hello){.version_min = p->version, .version_max = p->version};
	s->counts.refused[REFUSAL_VERSION]++;
	refusal_write(bytes, &s->refusal);
	server_reply(s, peer, p, PACKET_REFUSED, bytes, REFUSAL_BYTES);
}

void
rpc_server_take(void *self, uint32_t peer, const uint8_t *packet, uint32_t n, uint64_t tick)
{
	struct rpc_server *s = self;
	struct packet p;
	enum packet_error error = packet_decode(&p, packet, n);

	s->counts.rx++;
	if (error != PACKET_OK) {
		s->counts.dropped[error]++;
		if (error == PACKET_VERSION)
			refuse_version(s, peer, &p);
		return;
	}
	switch ((enum packet_type)p.type) {
	case PACKET_HELLO:
		server_session_hello(s, peer, &p, tick);
		return;
	case PACKET_REQUEST:
	case PACKET_ASK:
	case PACKET_BYE:
		take_of_session(s, peer, &p, tick);
		return;
	case PACKET_WELCOME:
	case PACKET_ANSWER:
	case PACKET_HAVE:
	case PACKET_BUSY:
	case PACKET_RESTARTED:
	case PACKET_REFUSED:
	case PACKET_TYPES_END:
		break;
	}
	s->counts.unexpected++;
}
