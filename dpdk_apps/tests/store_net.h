/* A client and a server of the store with faults between them, and requests whose bytes follow from
 * their number, so that each is checked whole.
 */
#ifndef TESTS_STORE_NET_H
#define TESTS_STORE_NET_H

#include "client.h"
#include "fault.h"
#include "mix64.h"
#include "server.h"
#include "store_link.h"
#include "unit.h"

#define NET_VALUE (1024 * 1024 + 4096)
#define NET_HEAD 16 /* of a request: its number, the bytes of its answer */

struct net {
	struct net_end ends[2]; /* the client's and the server's */
	uint64_t now;
	struct rpc_client *client;
	struct rpc_server *server;
	struct fault *faults[2];
	struct carrier *carriers[2];
	struct rpc_client_config cc;
	struct rpc_server_config sc;
	uint8_t *pattern;
	uint8_t *runs;	/* how often each number was carried out */
	uint8_t *ended; /* 1 + how each ended */
	uint32_t numbers;
	uint64_t wrong;	    /* requests or answers with a wrong byte */
	uint64_t ends_more; /* ends beyond the first */
	uint64_t ended_count;
	uint64_t caller; /* whose request was carried out last */
};

static inline uint64_t
net_ticks(void *clock)
{
	return ((struct net *)clock)->now;
}

/* The bytes of request (`way` 0) or answer (1) `number`, but for a request's head. */
static inline const uint8_t *
net_bytes(const struct net *n, uint64_t number, int way)
{
	return n->pattern + mix64(2 * number + (uint64_t)way) % NET_VALUE;
}

static inline size_t
net_run(void *self, uint64_t client, const uint8_t *in, size_t n, uint8_t *out, size_t room)
{
	struct net *net = self;
	uint64_t head[2];

	net->caller = client;
	assert_true(n >= NET_HEAD);
	memcpy(head, in, sizeof(head));
	assert_true(head[0] < net->numbers && head[1] <= room);
	net->runs[head[0]]++;
	if (memcmp(in + NET_HEAD, net_bytes(net, head[0], 0), n - NET_HEAD) != 0)
		net->wrong++;
	memcpy(out, net_bytes(net, head[0], 1), head[1]);
	return head[1];
}

static inline uint32_t
net_answer_bytes(uint64_t number, uint32_t largest)
{
	uint64_t r = mix64(number ^ 0xa5a5);

	/* Most are small, as in a file system. */
	return (uint32_t)((r >> 32) % (r % 16 < 13 ? 600 : r % 16 < 15 ? 5000 : largest));
}

static inline void
net_done(void *self, uint64_t token, enum rpc_outcome outcome, const uint8_t *answer,
		uint32_t bytes)
{
	struct net *n = self;
	uint64_t number = token >> 32;

	assert_true(number < n->numbers);
	if (n->ended[number] != 0)
		n->ends_more++;
	n->ended[number] = (uint8_t)(1 + outcome);
	n->ended_count++;
	if (outcome == RPC_ANSWERED &&
			(bytes != (uint32_t)token ||
					memcmp(answer, net_bytes(n, number, 1), bytes) != 0))
		n->wrong++;
}

/* Sends request `number` of `bytes` (at least NET_HEAD), to be answered by `answer` bytes. `room`
 * holds them until it ended. */
static inline int
net_request(struct net *n, uint32_t number, uint32_t bytes, uint32_t answer, uint8_t *room)
{
	const uint64_t head[2] = {number, answer};

	memcpy(room, head, sizeof(head));
	memcpy(room + NET_HEAD, net_bytes(n, number, 0), bytes - NET_HEAD);
	return rpc_client_send(n->client, (uint64_t)number << 32 | answer, room, bytes, n->now);
}

static inline void
net_server_start(struct net *n)
{
	n->sc.epoch++;
	n->server = rpc_server_create(&n->sc);
	assert_non_null(n->server);
}

static inline void
net_client_start(struct net *n)
{
	n->client = rpc_client_create(&n->cc, n->now);
	assert_non_null(n->client);
}

/* A network for `numbers` requests; `plan` (NULL: none) is what befalls packets in each direction.
 */
static inline struct net *
net_make_seeded(uint32_t numbers, const struct fault_plan *plan, uint64_t seed)
{
	struct net *n = calloc(1, sizeof(*n));

	assert_non_null(n);
	n->numbers = numbers;
	n->runs = calloc(numbers, 1);
	n->ended = calloc(numbers, 1);
	n->pattern = malloc(2 * NET_VALUE);
	assert_true(n->runs != NULL && n->ended != NULL && n->pattern != NULL);
	for (size_t i = 0; i < 2 * NET_VALUE / 8; i++) {
		uint64_t word = mix64(i);

		memcpy(n->pattern + 8 * i, &word, 8);
	}
	net_link(n->ends, &n->now);
	for (uint32_t i = 0; i < 2; i++) {
		struct fault_config fc = {.under = &n->ends[i].carrier,
				.ticks = net_ticks,
				.clock = n,
				.seed = 2 * seed + i};

		n->carriers[i] = &n->ends[i].carrier;
		if (plan == NULL)
			continue;
		fc.out = *plan;
		n->faults[i] = fault_create(&fc);
		assert_non_null(n->faults[i]);
		n->carriers[i] = fault_carrier(n->faults[i]);
	}
	n->cc = (struct rpc_client_config){.carrier = n->carriers[0],
			.peer = 8,
			.epoch = 0xc1,
			.seed = seed,
			.wanted = {.slots = 32, .value_max = NET_VALUE},
			.rto_first = 500 * NET_US,
			.rto_floor = 100 * NET_US,
			.rto_ceiling = 20000 * NET_US,
			.deadline = UINT64_C(10000000) * NET_US,
			.heartbeat = 100000 * NET_US,
			.done = net_done,
			.self = n};
	n->sc = (struct rpc_server_config){.carrier = n->carriers[1],
			.epoch = 0x51,
			.offered = {.slots = 32, .value_max = NET_VALUE},
			.sessions = 4,
			.bytes = UINT64_C(64) * 4 * NET_VALUE,
			.session_age = UINT64_C(2000000) * NET_US,
			.request_age = 500000 * NET_US,
			.settle = 1000 * NET_US,
			.run = net_run,
			.self = n};
	net_server_start(n);
	net_client_start(n);
	return n;
}

static inline struct net *
net_make(uint32_t numbers, const struct fault_plan *plan)
{
	return net_make_seeded(numbers, plan, 77);
}

/* One step of both ends; time goes on by `ticks`. */
static inline void
net_step(struct net *n, uint64_t ticks)
{
	n->now += ticks;
	if (n->server != NULL)
		(void)rpc_server_poll(n->server, n->now);
	(void)rpc_client_poll(n->client, n->now);
}

static inline void
net_run_for(struct net *n, uint64_t ticks)
{
	for (uint64_t end = n->now + ticks; n->now < end;)
		net_step(n, NET_US);
}

static inline void
net_open(struct net *n)
{
	for (int i = 0; i < 1000000 && rpc_client_state(n->client) == RPC_JOINING; i++)
		net_step(n, NET_US);
	assert_int_equal(rpc_client_state(n->client), RPC_OPEN);
}

/* Until `ended` requests have ended, or time is up: false. */
static inline bool
net_until(struct net *n, uint64_t ended, uint64_t ticks)
{
	for (uint64_t end = n->now + ticks; n->now < end && n->ended_count < ended;)
		net_step(n, NET_US);
	return n->ended_count >= ended;
}

static inline void
net_end(struct net *n)
{
	net_lose(n->ends);
	rpc_client_destroy(n->client);
	rpc_server_destroy(n->server);
	fault_destroy(n->faults[0]);
	fault_destroy(n->faults[1]);
	free(n->runs);
	free(n->ended);
	free(n->pattern);
	free(n);
}

/* Set-ups and the tear-down of tests. Here the client has no part: packets are made by hand. */
static inline int
net_set_up(void **state)
{
	*state = net_make(100, NULL);
	return 0;
}

/* Here it has a session. */
static inline int
net_set_up_open(void **state)
{
	struct net *n = net_make(2000, NULL);

	*state = n;
	net_open(n);
	return 0;
}

static inline int
net_tear_down(void **state)
{
	net_end(*state);
	return 0;
}

/* One request and its answer, to see that all is well. */
static inline void
net_all_is_well(struct net *n, uint32_t number)
{
	static uint8_t room[2048];
	uint64_t ended = n->ended_count;

	assert_int_equal(net_request(n, number, 100, 300, room), 0);
	assert_true(net_until(n, ended + 1, 100000 * NET_US));
	assert_int_equal(n->ended[number], 1 + RPC_ANSWERED);
	assert_int_equal(n->runs[number], 1);
	assert_int_equal(n->wrong, 0);
}

#endif
