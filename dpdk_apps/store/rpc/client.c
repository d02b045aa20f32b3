#include "client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client_internal.h"

static bool
makes_sense(const struct rpc_client_config *k)
{
	const struct hello *w = &k->wanted;

	return k->epoch != 0 && k->done != NULL && w->slots > 0 && w->slots <= HELLO_SLOTS_MAX &&
	       (w->slots & (w->slots - 1)) == 0 && w->value_max > 0 &&
	       w->most >= PACKET_LEAST_MOST && w->most <= k->carrier->most && w->window > 0 &&
	       w->value_max <= (uint64_t)(w->most - PACKET_HEADER_BYTES) * PACKET_FRAGMENTS_MAX &&
	       k->rto_first > 0 && k->rto_floor > 0 && k->rto_ceiling >= k->rto_floor &&
	       k->deadline > 0 && k->heartbeat > 0;
}

struct rpc_client *
rpc_client_create(const struct rpc_client_config *config, uint64_t now)
{
	struct rpc_client *c = calloc(1, sizeof(*c));
	struct hello *wanted;

	if (c == NULL)
		return NULL;
	c->config = *config;
	wanted = &c->config.wanted;
	if (wanted->most == 0)
		wanted->most = config->carrier->most;
	if (wanted->window == 0)
		wanted->window = config->carrier->window;
	if (wanted->version_max == 0) {
		wanted->version_min = PACKET_VERSION_MIN;
		wanted->version_max = PACKET_VERSION_MAX;
	}
	if (!makes_sense(&c->config)) {
		free(c);
		errno = EINVAL;
		return NULL;
	}
	c->rto = (struct rto){.floor = config->rto_floor,
			.ceiling = config->rto_ceiling,
			.first = config->rto_first,
			.random = config->seed};
	c->calls = calloc(wanted->slots, sizeof(*c->calls));
	/* Not touched before an answer needs it. */
	c->memory = malloc((size_t)wanted->slots * wanted->value_max);
	if (c->calls == NULL || c->memory == NULL) {
		rpc_client_destroy(c);
		errno = ENOMEM;
		return NULL;
	}
	for (uint32_t i = 0; i < wanted->slots; i++)
		c->calls[i].answer = c->memory + (size_t)i * wanted->value_max;
	c->heard = now;
	c->hello_timer = now;
	return c;
}

void
rpc_client_destroy(struct rpc_client *c)
{
	if (c == NULL)
		return;
	free(c->calls);
	free(c->memory);
	free(c);
}

void
client_end(struct rpc_client *c, struct call *call, enum rpc_outcome outcome, const uint8_t *answer,
		uint32_t bytes)
{
	c->flight -= call->out.flight;
	call->out.flight = 0;
	call->active = false;
	/* Ids only rise within a slot. The number wraps round where all others do. */
	call->id += c->agreed.slots;
	c->free_slots[c->free_count++] = (uint16_t)(call - c->calls);
	c->out--;
	c->counts.ended[outcome]++;
	c->config.done(c->config.self, call->token, outcome, answer, bytes);
}

void
client_end_all(struct rpc_client *c, enum rpc_outcome outcome)
{
	/* What the user sends when it hears of one end is not among them. */
	uint64_t active = 0;

	for (uint32_t i = 0; i < c->agreed.slots; i++)
		active |= (uint64_t)c->calls[i].active << i;
	for (; active != 0; active &= active - 1)
		client_end(c, &c->calls[__builtin_ctzll(active)], outcome, NULL, 0);
}

void
rpc_client_close(struct rpc_client *c, uint64_t now)
{
	(void)rpc_client_poll(c, now);
	if (c->state == RPC_OPEN)
		client_bye(c);
	c->state = RPC_ENDED;
	client_end_all(c, RPC_CLOSED);
}

int
rpc_client_send(struct rpc_client *c, uint64_t token, const uint8_t *request, uint32_t bytes,
		uint64_t now)
{
	return rpc_client_send_until(c, token, request, bytes, now, now + c->config.deadline);
}

int
rpc_client_send_until(struct rpc_client *c, uint64_t token, const uint8_t *request, uint32_t bytes,
		uint64_t now, uint64_t deadline)
{
	struct call *call;

	if (c->state == RPC_REFUSED || c->state == RPC_ENDED)
		return -ENOTCONN;
	if (c->state == RPC_JOINING)
		return -EAGAIN;
	if (bytes > c->agreed.value_max)
		return -EMSGSIZE;
	if (c->free_count == 0)
		return -EAGAIN;
	call = &c->calls[c->free_slots[--c->free_count]];
	call->token = token;
	call->began = now;
	call->deadline = deadline;
	call->timeouts = 0;
	call->late_mark = 0;
	call->active = true;
	call->repeated = false;
	call->in.count = 0;
	sending_start(&call->out, request, bytes, c->part);
	c->out++;
	client_pump(c, call, now);
	client_arm(c, call, now);
	return 0;
}

uint64_t
rpc_client_poll(struct rpc_client *c, uint64_t now)
{
	c->config.carrier->calls->poll(c->config.carrier, rpc_client_take, c);
	if (c->stalled) {
		/* Each first in its turn: a large request must not keep the window from all others.
		 */
		c->stalled = false;
		c->blocked = false;
		c->turn++;
		for (uint32_t i = 0; i < c->agreed.slots; i++) {
			struct call *call = &c->calls[(c->turn + i) & (c->agreed.slots - 1u)];

			if (call->active)
				client_pump(c, call, now);
		}
	}
	if (now >= c->next)
		client_timers(c, now);
	return c->blocked && c->state == RPC_OPEN ? now : c->next;
}

void
rpc_client_rejoin(struct rpc_client *c)
{
	if (c->state > RPC_OPEN)
		return;
	c->state = RPC_JOINING;
	c->hello_tries = 0;
	c->hello_timer = 0;
	c->next = 0;
}

enum rpc_client_state
rpc_client_state(const struct rpc_client *c)
{
	return c->state;
}

struct hello
rpc_client_agreed(const struct rpc_client *c)
{
	return c->agreed;
}

void
rpc_client_refusal(const struct rpc_client *c, char *text, size_t size)
{
	refusal_text(&c->refusal, &c->config.wanted, text, size);
}

uint32_t
rpc_client_out(const struct rpc_client *c)
{
	return c->out;
}

uint64_t
rpc_client_restarts(const struct rpc_client *c)
{
	return c->counts.restarts;
}

struct rpc_client_counts
rpc_client_counts(const struct rpc_client *c)
{
	return c->counts;
}
