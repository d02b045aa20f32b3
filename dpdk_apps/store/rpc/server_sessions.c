#include <stdlib.h>

#include "server_internal.h"

/* A session's number is its place and, above, how many had begun before: packets of one that ended
 * fit none that begins later. */
#define PLACE_BITS 8
/* A session whose peer is gone is needed no more after this part of the age of others. */
#define GONE_SHARE 8
_Static_assert(RPC_SESSIONS_MAX == 1 << PLACE_BITS, "a place fits into a session's number");

struct session *
server_session_find(struct rpc_server *s, uint32_t number, uint64_t client)
{
	uint32_t place = number & (RPC_SESSIONS_MAX - 1);
	struct session *session = &s->sessions[place];

	if (client == 0 || place >= s->config.sessions || session->number != number ||
			session->client != client)
		return NULL;
	return session;
}

void
server_session_end(struct rpc_server *s, struct session *session)
{
	s->bytes -= session->bytes;
	free(session->slots);
	free(session->memory);
	*session = (struct session){.client = 0};
}

void
server_session_leave(struct rpc_server *s, struct session *session)
{
	uint64_t client = session->client;

	server_session_end(s, session);
	if (s->config.left != NULL)
		s->config.left(s->config.self, client);
}

static bool
too_old(const struct rpc_server *s, const struct session *session, uint64_t now)
{
	return now > session->heard && now - session->heard > s->config.session_age;
}

bool
server_session_runs(const struct session *session)
{
	for (uint32_t i = 0; i < session->agreed.slots; i++)
		if (session->slots[i].state == SLOT_RUNNING)
			return true;
	return false;
}

/* Whether its connection ended, and long enough ago for it to have come back. */
static bool
is_gone(const struct rpc_server *s, const struct session *session, uint64_t now)
{
	struct carrier *c = s->config.carrier;

	return c->calls->gone != NULL && now > session->heard &&
	       now - session->heard > s->config.session_age / GONE_SHARE &&
	       c->calls->gone(c, session->peer);
}

/* Ends the session that `peer` had with an earlier epoch, or one that is too old or whose peer is
 * gone: the one that was silent longest. */
static bool
make_room(struct rpc_server *s, uint32_t peer, uint64_t now)
{
	struct session *oldest = NULL;

	for (uint32_t i = 0; i < s->config.sessions; i++) {
		struct session *session = &s->sessions[i];

		if (session->client == 0 || server_session_runs(session))
			continue;
		if (session->peer != peer && !too_old(s, session, now) && !is_gone(s, session, now))
			continue;
		if (oldest == NULL || session->heard < oldest->heard)
			oldest = session;
	}
	if (oldest == NULL)
		return false;
	s->counts.sessions_aged++;
	server_session_leave(s, oldest);
	return true;
}

static struct session *
free_place(struct rpc_server *s)
{
	for (uint32_t i = 0; i < s->config.sessions; i++)
		if (s->sessions[i].client == 0)
			return &s->sessions[i];
	return NULL;
}

/* NULL: no room, now. */
static struct session *
begin(struct rpc_server *s, uint32_t peer, uint64_t client, const struct hello *agreed,
		uint64_t now)
{
	uint64_t bytes = (uint64_t)agreed->slots * 2 * agreed->value_max;
	struct session *session;

	while ((session = free_place(s)) == NULL || s->bytes + bytes > s->config.bytes)
		if (!make_room(s, peer, now))
			return NULL;
	/* 0 is no session's number. */
	if (++s->generation << PLACE_BITS == 0)
		s->generation++;
	*session = (struct session){
			.client = client,
			.heard = now,
			.number = s->generation << PLACE_BITS | (uint32_t)(session - s->sessions),
			.peer = peer,
			.part = agreed->most - PACKET_HEADER_BYTES,
			.bytes = bytes,
			.agreed = *agreed,
			.slots = calloc(agreed->slots, sizeof(*session->slots)),
			.memory = malloc(bytes),
	};
	s->bytes += bytes;
	if (session->slots == NULL || session->memory == NULL) {
		server_session_end(s, session);
		return NULL;
	}
	for (uint64_t i = 0; i < agreed->slots; i++)
		session->slots[i].memory = session->memory + i * 2 * agreed->value_max;
	s->counts.sessions_begun++;
	return session;
}

static struct session *
session_of(struct rpc_server *s, uint64_t client)
{
	for (uint32_t i = 0; i < s->config.sessions; i++)
		if (s->sessions[i].client == client)
			return &s->sessions[i];
	return NULL;
}

void
server_session_hello(struct rpc_server *s, uint32_t peer, const struct packet *p, uint64_t now)
{
	uint8_t bytes[HELLO_BYTES > REFUSAL_BYTES ? HELLO_BYTES : REFUSAL_BYTES];
	struct packet to = *p;
	struct hello wanted;
	struct hello agreed;
	struct refusal refusal;
	struct session *session;

	if (p->client_epoch == 0) {
		s->counts.unexpected++;
		return;
	}
	/* A client that is known asks whether its server is, or comes over another connection. */
	session = session_of(s, p->client_epoch);
	if (session == NULL) {
		hello_read(&wanted, p->payload);
		if (!hello_agree(&agreed, &refusal, &s->config.offered, &wanted)) {
			s->counts.refused[refusal.reason]++;
			s->refusal = refusal;
			s->refused = wanted;
			refusal_write(bytes, &refusal);
			server_reply(s, peer, p, PACKET_REFUSED, bytes, REFUSAL_BYTES);
			return;
		}
		session = begin(s, peer, p->client_epoch, &agreed, now);
	}
	if (session == NULL) {
		s->counts.busy++;
		to.session = 0;
		server_reply(s, peer, &to, PACKET_BUSY, NULL, 0);
		return;
	}
	session->peer = peer;
	session->heard = now;
	to.session = session->number;
	hello_write(bytes, &session->agreed);
	server_reply(s, peer, &to, PACKET_WELCOME, bytes, HELLO_BYTES);
}

/* Gives up requests that nothing came of for too long: whoever sent them is told to begin anew. */
static void
expire_requests(struct rpc_server *s, struct session *session, uint64_t now)
{
	for (uint32_t i = 0; i < session->agreed.slots; i++) {
		struct slot *slot = &session->slots[i];

		if (slot->state != SLOT_PARTIAL || now <= slot->active ||
				now - slot->active <= s->config.request_age)
			continue;
		slot->state = SLOT_EMPTY;
		s->counts.requests_aged++;
	}
}

void
server_sessions_expire(struct rpc_server *s, uint64_t now)
{
	uint64_t least = s->config.request_age < s->config.session_age ? s->config.request_age
								       : s->config.session_age;

	for (uint32_t i = 0; i < s->config.sessions; i++) {
		struct session *session = &s->sessions[i];

		if (session->client == 0)
			continue;
		if (too_old(s, session, now) && !server_session_runs(session)) {
			s->counts.sessions_aged++;
			server_session_leave(s, session);
		} else {
			expire_requests(s, session, now);
		}
	}
	s->expires = now + least / 2 + 1;
}
