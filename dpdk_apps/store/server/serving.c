#include "serving.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "clock.h"
#include "epoch.h"

#define CALIBRATE_MS 20
/* A request or an answer: what FUSE has at most. */
#define VALUE_MAX                                                                                  \
	(EXECUTOR_REQUEST_MAX > EXECUTOR_ANSWER_MAX ? EXECUTOR_REQUEST_MAX : EXECUTOR_ANSWER_MAX)
/* Without a word of a client, whose heartbeat is far less. */
#define SESSION_AGE_S 20
/* Without a fragment of a request that is not whole. */
#define REQUEST_AGE_S 5
/* No packet is under way for so long on a link of a testbed. */
#define SETTLE_MS 2
/* How long it sleeps at most: what is too old is looked for now and then. */
#define SLEEP_NS UINT64_C(500000000)

/* Of a server that spins, between two looks at the clock. */
#define LOOKS_PER_REST 16

/* Around a service: the delay that was asked for. */
struct delayed {
	struct service service;
	uint64_t ticks;
};

static size_t
run_delayed(void *self, uint64_t client, const uint8_t *in, size_t n, uint8_t *out, size_t room)
{
	const struct delayed *d = self;
	uint64_t began = clock_ticks();
	size_t bytes = d->service.run(d->service.self, client, in, n, out, room);

	while (clock_ticks() - began < d->ticks)
		;
	return bytes;
}

static void
left_delayed(void *self, uint64_t client)
{
	const struct delayed *d = self;

	if (d->service.left != NULL)
		d->service.left(d->service.self, client);
}

static struct rpc_server *
create(const struct serving *v, const struct server_options *o, struct transport *t,
		const struct service *service)
{
	const struct rpc_server_config config = {
			.carrier = transport_carrier(t),
			.epoch = v->epoch,
			.offered = {.slots = o->slots, .value_max = VALUE_MAX},
			.sessions = o->clients,
			.bytes = (uint64_t)o->clients * o->slots * 2 * VALUE_MAX,
			.session_age = (uint64_t)(SESSION_AGE_S * v->ticks_per_s),
			.request_age = (uint64_t)(REQUEST_AGE_S * v->ticks_per_s),
			.settle = (uint64_t)(SETTLE_MS * 1e-3 * v->ticks_per_s),
			.run = service->run,
			.left = service->left,
			.self = service->self,
	};
	struct rpc_server *server = rpc_server_create(&config);

	if (server == NULL)
		complain("cannot make the server: %s", strerror(errno));
	return server;
}

/* Where the carrier can sleep: before each look. */
static void
work_and_sleep(struct rpc_server *server, struct carrier *c)
{
	while (!lifecycle_stopping()) {
		c->calls->wait(c, lifecycle_stop_fd(), SLEEP_NS);
		(void)rpc_server_poll(server, clock_ticks());
	}
}

/*
 * Where it cannot: looks, and rests after looks in vain. The clock is for what is too old, and both
 * it and a rest take as long as a look does, which a request that comes meanwhile waits for: so
 * there is one of them to several looks. Who shares a CPU gives it up after each.
 */
static void
work_and_look(struct rpc_server *server, enum idle_policy idle)
{
	uint64_t now = clock_ticks();
	uint32_t looks = 0;

	while (!lifecycle_stopping()) {
		uint32_t came = rpc_server_poll(server, now);

		looks++;
		if (looks % LOOKS_PER_REST != 0 && (came > 0 || idle == IDLE_SPIN))
			continue;
		if (came == 0)
			idle_wait(idle);
		now = clock_ticks();
	}
}

int
serve(struct serving *v, const struct server_options *o, struct transport *t,
		const struct service *service)
{
	struct delayed delayed = {.service = *service};
	const struct service slow = {.run = run_delayed, .left = left_delayed, .self = &delayed};
	struct clock_mark begin, end;
	struct rpc_server *server;

	if (epoch_draw(&v->epoch) != 0)
		return -1;
	v->ticks_per_s = clock_calibrate(CALIBRATE_MS);
	delayed.ticks = (uint64_t)((double)o->delay_us * 1e-6 * v->ticks_per_s);
	server = create(v, o, t, o->delay_us > 0 ? &slow : service);
	if (server == NULL)
		return -1;
	begin = clock_mark();
	lifecycle_ready("epoch=%016" PRIx64, v->epoch);
	if (transport_carrier(t)->calls->wait != NULL)
		work_and_sleep(server, transport_carrier(t));
	else
		work_and_look(server, o->idle);
	v->sessions = rpc_server_sessions(server);
	rpc_server_close(server);
	end = clock_mark();
	v->ticks_per_s = clock_ticks_per_s(&begin, &end);
	v->counts = rpc_server_counts(server);
	rpc_server_refusal(server, v->refusal, sizeof(v->refusal));
	rpc_server_destroy(server);
	return 0;
}
