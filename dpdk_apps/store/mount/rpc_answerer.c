#include "rpc_answerer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "epoch.h"
#include "lifecycle.h"
#include "pace.h"

/* While the way to the server is broken: how often it is looked for, whatever else is due. A look
 * takes some 50 us of an idle CPU. */
#define AWAY_PER_S 20
/* Between two looks for the server at the beginning. */
#define LOOK_NS 1000000

struct rpc_answerer {
	struct answerer answerer; /* first */
	struct transport *transport;
	struct rpc_client *client;
	uint64_t deadline; /* ticks */
	uint64_t away;	   /* ticks between two looks at a way that is broken */
	bool connected;
	bool refusal_said;
};

/* What the relay reads of its answerer. */
static void
refresh(struct rpc_answerer *r)
{
	struct answerer *a = &r->answerer;

	switch (rpc_client_state(r->client)) {
	case RPC_OPEN:
		a->state = ANSWERER_OPEN;
		break;
	case RPC_JOINING:
		a->state = ANSWERER_AWAY;
		break;
	case RPC_REFUSED:
	case RPC_ENDED:
		a->state = ANSWERER_REFUSED;
		break;
	}
	a->out = rpc_client_out(r->client);
	a->life = rpc_client_restarts(r->client);
}

static void
say_refusal(struct rpc_answerer *r)
{
	char text[256];

	if (r->answerer.state != ANSWERER_REFUSED || r->refusal_said ||
			rpc_client_state(r->client) != RPC_REFUSED)
		return;
	rpc_client_refusal(r->client, text, sizeof(text));
	complain("the server refuses this client: %s", text);
	r->refusal_said = true;
}

static int
pass_on(struct answerer *a, uint64_t token, const uint8_t *request, uint32_t bytes, uint64_t now,
		uint64_t deadline)
{
	struct rpc_answerer *r = (struct rpc_answerer *)a;
	int result = rpc_client_send_until(r->client, token, request, bytes, now, deadline);

	refresh(r);
	return result;
}

static uint64_t
poll_server(struct answerer *a, uint64_t now)
{
	struct rpc_answerer *r = (struct rpc_answerer *)a;
	uint64_t due = rpc_client_poll(r->client, now);

	/* A request that is sent where the way breaks may not be sent again: it waits until the
	 * server has said who it is. */
	if (transport_connected(r->transport) != r->connected) {
		r->connected = !r->connected;
		rpc_client_rejoin(r->client);
		due = now;
	}
	if (!r->connected && due > now + r->away)
		due = now + r->away;
	refresh(r);
	say_refusal(r);
	return due;
}

static void
wait_for_server(struct answerer *a, int fd, uint64_t ns)
{
	struct carrier *c = transport_carrier(((struct rpc_answerer *)a)->transport);

	c->calls->wait(c, fd, ns);
}

static void
rest_from_server(struct answerer *a, int fd, uint64_t ns)
{
	struct carrier *c = transport_carrier(((struct rpc_answerer *)a)->transport);

	c->calls->rest(c, fd, ns);
}

/* As the client calls it; the relay has its own place for it. */
static void
done(void *self, uint64_t token, enum rpc_outcome outcome, const uint8_t *answer, uint32_t bytes)
{
	struct answerer *a = self;

	a->done(a->self, token, outcome, answer, bytes);
}

struct rpc_answerer *
rpc_answerer_create(struct transport *t, uint16_t slots, uint32_t value_max, uint64_t deadline,
		uint64_t ticks_per_s)
{
	static const struct answerer_calls polled = {.send = pass_on, .poll = poll_server};
	static const struct answerer_calls rested = {
			.send = pass_on, .poll = poll_server, .rest = rest_from_server};
	static const struct answerer_calls waited = {
			.send = pass_on, .poll = poll_server, .wait = wait_for_server};
	struct rpc_answerer *r = calloc(1, sizeof(*r));
	struct rpc_client_config config = {
			.carrier = transport_carrier(t),
			.peer = transport_peer(t),
			.seed = clock_ticks(),
			.wanted = {.slots = slots, .value_max = value_max},
			.deadline = deadline,
			.done = done,
			.self = r,
	};

	if (r == NULL) {
		complain("out of memory");
		return NULL;
	}
	rpc_client_pace(&config, ticks_per_s);
	if (epoch_draw(&config.epoch) != 0) {
		free(r);
		return NULL;
	}
	r->transport = t;
	r->deadline = deadline;
	r->away = ticks_per_s / AWAY_PER_S;
	r->answerer.calls = config.carrier->calls->wait != NULL	  ? &waited
			    : config.carrier->calls->rest != NULL ? &rested
								  : &polled;
	r->client = rpc_client_create(&config, clock_ticks());
	if (r->client == NULL) {
		complain("cannot make the client: %s", strerror(errno));
		free(r);
		return NULL;
	}
	return r;
}

int
rpc_answerer_join(struct rpc_answerer *r)
{
	const struct timespec pause = {.tv_nsec = LOOK_NS};
	uint64_t end = clock_ticks() + r->deadline;

	while (!lifecycle_stopping()) {
		uint64_t now = clock_ticks();

		(void)poll_server(&r->answerer, now);
		if (r->answerer.state == ANSWERER_OPEN)
			return 0;
		if (r->answerer.state == ANSWERER_REFUSED)
			return -1;
		if (now >= end) {
			complain("no word from the server: see that store_server runs, and that "
				 "this "
				 "is its address");
			return -1;
		}
		/* A signal ends it as well, and is looked at. */
		if (nanosleep(&pause, NULL) != 0)
			continue;
	}
	return -1;
}

void
rpc_answerer_leave(struct rpc_answerer *r)
{
	rpc_client_close(r->client, clock_ticks());
	refresh(r);
}

void
rpc_answerer_destroy(struct rpc_answerer *r)
{
	if (r == NULL)
		return;
	rpc_client_destroy(r->client);
	free(r);
}

struct answerer *
rpc_answerer_base(struct rpc_answerer *r)
{
	return &r->answerer;
}

const struct rpc_client *
rpc_answerer_client(const struct rpc_answerer *r)
{
	return r->client;
}
