#include "server.h"

#include <errno.h>
#include <stdlib.h>

#include "server_internal.h"

static bool
makes_sense(const struct rpc_server_config *k)
{
	const struct hello *o = &k->offered;

	return k->epoch != 0 && k->run != NULL && k->sessions > 0 &&
	       k->sessions <= RPC_SESSIONS_MAX && o->slots > 0 && o->slots <= HELLO_SLOTS_MAX &&
	       (o->slots & (o->slots - 1)) == 0 && o->value_max > 0 &&
	       o->most >= PACKET_LEAST_MOST && o->most <= k->carrier->most && o->window > 0 &&
	       (uint64_t)o->slots * 2 * o->value_max <= k->bytes && k->session_age > 0 &&
	       k->request_age > 0;
}

struct rpc_server *
rpc_server_create(const struct rpc_server_config *config)
{
	struct rpc_server *s = calloc(1, sizeof(*s));
	struct hello *offered;

	if (s == NULL)
		return NULL;
	s->config = *config;
	offered = &s->config.offered;
	if (offered->most == 0)
		offered->most = config->carrier->most;
	if (offered->window == 0)
		offered->window = config->carrier->window;
	if (offered->version_max == 0) {
		offered->version_min = PACKET_VERSION_MIN;
		offered->version_max = PACKET_VERSION_MAX;
	}
	if (!makes_sense(&s->config)) {
		free(s);
		errno = EINVAL;
		return NULL;
	}
	s->sessions = calloc(config->sessions, sizeof(*s->sessions));
	if (s->sessions == NULL) {
		free(s);
		errno = ENOMEM;
		return NULL;
	}
	return s;
}

void
rpc_server_destroy(struct rpc_server *s)
{
	if (s == NULL)
		return;
	for (uint32_t i = 0; i < s->config.sessions; i++)
		if (s->sessions[i].client != 0)
			server_session_end(s, &s->sessions[i]);
	free(s->sessions);
	free(s);
}

void
rpc_server_close(struct rpc_server *s)
{
	for (uint32_t i = 0; i < s->config.sessions; i++) {
		struct session *session = &s->sessions[i];
		const struct packet to = {
				.client_epoch = session->client, .session = session->number};

		if (session->client == 0)
			continue;
		server_reply(s, session->peer, &to, PACKET_BYE, NULL, 0);
		server_session_end(s, session);
	}
}

uint32_t
rpc_server_poll(struct rpc_server *s, uint64_t now)
{
	uint32_t came = s->config.carrier->calls->poll(s->config.carrier, rpc_server_take, s);

	if (s->stalled)
		server_pump_stalled(s, now);
	if (now >= s->expires)
		server_sessions_expire(s, now);
	return came;
}

uint32_t
rpc_server_sessions(const struct rpc_server *s)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->config.sessions; i++)
		n += s->sessions[i].client != 0;
	return n;
}

void
rpc_server_refusal(const struct rpc_server *s, char *text, size_t size)
{
	if (s->refusal.reason == REFUSAL_NONE)
		text[0] = 0;
	else
		refusal_text(&s->refusal, &s->refused, text, size);
}

struct rpc_server_counts
rpc_server_counts(const struct rpc_server *s)
{
	return s->counts;
}
