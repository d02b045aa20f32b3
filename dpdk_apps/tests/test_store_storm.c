/* Whole runs of the store's protocol over a bad network, in simulated time. */
#include "store_net.h"

static const struct fault_plan storm = {
		.chance = {[FAULT_DROP] = 0.10,
				[FAULT_DUPLICATE] = 0.05,
				[FAULT_REORDER] = 0.05,
				[FAULT_CORRUPT] = 0.01},
		.delay = 50 * NET_US,
};
/* The same, and some packets outlive the server that sent them or that they were sent to. */
static const struct fault_plan chaos = {
		.chance = {[FAULT_DROP] = 0.10,
				[FAULT_DUPLICATE] = 0.05,
				[FAULT_REORDER] = 0.05,
				[FAULT_DELAY] = 0.02,
				[FAULT_CORRUPT] = 0.01,
				[FAULT_TRUNCATE] = 0.01},
		.delay = 3000 * NET_US,
};
static const struct fault_plan tenth_lost = {.chance = {[FAULT_DROP] = 0.10}};

/* Requests 0 to numbers-1, 32 at once, each with its room. Restarts the server after every
 * `restart_every` ends (0: never). Returns whether all ended in time. */
static bool
drive(struct net *n, uint32_t restart_every, uint64_t ticks)
{
	static uint8_t *rooms[64];
	uint32_t owner[64];
	uint64_t restart_at = restart_every;
	uint64_t end = n->now + ticks;
	uint32_t next = 0;

	for (uint32_t i = 0; i < 64; i++) {
		rooms[i] = malloc(NET_VALUE);
		assert_non_null(rooms[i]);
		owner[i] = UINT32_MAX;
	}
	while (n->now < end && n->ended_count < n->numbers) {
		for (uint32_t i = 0; i < 64 && next < n->numbers; i++) {
			uint64_t r = mix64(next ^ 0x5a5a);
			uint32_t bytes =
					NET_HEAD + (uint32_t)((r >> 32) % (r % 8 < 7 ? 600 : 9000));
			uint32_t answer = net_answer_bytes(next, 9000);

			if (owner[i] != UINT32_MAX && n->ended[owner[i]] == 0)
				continue;
			if (next % 5000 == 4999)
				bytes = 1024 * 1024;
			if (next % 5000 == 2499)
				answer = 1024 * 1024;
			if (net_request(n, next, bytes, answer, rooms[i]) != 0)
				break;
			owner[i] = next++;
		}
		if (restart_every > 0 && n->ended_count >= restart_at) {
			restart_at += restart_every;
			rpc_server_destroy(n->server);
			net_server_start(n);
		}
		net_step(n, 2 * NET_US);
	}
	for (uint32_t i = 0; i < 64; i++)
		free(rooms[i]);
	return n->ended_count == n->numbers;
}

static void
a_storm_loses_and_repeats_nothing(void **state)
{
	struct net *n = net_make(100000, &storm);
	struct rpc_client_counts c;
	struct rpc_server_counts s;

	(void)state;
	net_open(n);
	/* Without faults it takes about 0.04 s. */
	assert_true(drive(n, 0, 500000 * NET_US));
	for (uint32_t i = 0; i < n->numbers; i++) {
		assert_int_equal(n->ended[i], 1 + RPC_ANSWERED);
		assert_int_equal(n->runs[i], 1);
	}
	assert_int_equal(n->wrong, 0);
	assert_int_equal(n->ends_more, 0);
	c = rpc_client_counts(n->client);
	s = rpc_server_counts(n->server);
	assert_int_equal(s.run, n->numbers);
	assert_int_equal(c.ended[RPC_ANSWERED], n->numbers);
	/* The storm was one. */
	assert_true(c.dropped[PACKET_CORRUPT] > 500 && s.dropped[PACKET_CORRUPT] > 500);
	assert_true(c.retransmitted > 5000 && s.duplicates > 5000 && c.duplicates > 1000);
	assert_int_equal(c.unexpected + s.unexpected, 0);
	assert_int_equal(s.sessions_begun, 1);
	print_message("%.3f s simulated, %lu packets sent by the client, %lu again, %lu timeouts\n",
			(double)n->now * 1e-9, c.tx, c.retransmitted, c.timeouts);
	net_end(n);
}

static void
large_values_repeat_little_more_than_was_lost(void **state)
{
	struct net *n = net_make(80, &tenth_lost);
	uint8_t *room = malloc(NET_VALUE);
	uint64_t lost[2];
	struct rpc_client_counts c;
	struct rpc_server_counts s;

	(void)state;
	assert_non_null(room);
	net_open(n);
	for (uint32_t i = 0; i < n->numbers; i++) {
		uint32_t large = 1024 * 1024;

		assert_int_equal(net_request(n, i, i % 2 == 0 ? large : 64, i % 2 == 0 ? 16 : large,
						 room),
				0);
		assert_true(net_until(n, i + 1, 100000 * NET_US));
		assert_int_equal(n->runs[i], 1);
	}
	assert_int_equal(n->wrong, 0);
	c = rpc_client_counts(n->client);
	s = rpc_server_counts(n->server);
	lost[0] = fault_counts_out(n->faults[0]).done[FAULT_DROP];
	lost[1] = fault_counts_out(n->faults[1]).done[FAULT_DROP];
	/* 40 values of 741 fragments each way. */
	assert_true(lost[0] > 2500 && lost[1] > 2500);
	print_message("client: %lu again for %lu lost; server: %lu again for %lu lost; %lu "
		      "timeouts\n",
			c.retransmitted, lost[0], s.retransmitted, lost[1], c.timeouts);
	assert_true(c.retransmitted <= lost[0] + lost[0] / 10);
	assert_true(s.retransmitted <= lost[1] + lost[1] / 10);
	free(room);
	net_end(n);
}

static void
without_faults_nothing_is_repeated(void **state)
{
	struct net *n = net_make(5000, NULL);
	struct rpc_client_counts c;

	(void)state;
	net_open(n);
	assert_true(drive(n, 0, UINT64_C(1000000) * NET_US));
	c = rpc_client_counts(n->client);
	assert_int_equal(n->wrong, 0);
	assert_int_equal(c.ended[RPC_ANSWERED], 5000);
	assert_int_equal(c.retransmitted + c.timeouts + c.duplicates, 0);
	assert_int_equal(rpc_server_counts(n->server).retransmitted, 0);
	/* No end is overrun: the window, questions beside it, and one packet for each slot. */
	assert_true(n->ends[0].high <= 64 + 64 && n->ends[1].high <= 64 + 64);
	net_end(n);
}

static void
restarts_repeat_nothing(uint64_t seed)
{
	struct net *n = net_make_seeded(4000, &chaos, seed);
	uint32_t unknown = 0;

	net_open(n);
	assert_true(drive(n, 200, 1000000 * NET_US));
	for (uint32_t i = 0; i < n->numbers; i++) {
		assert_true(n->runs[i] <= 1);
		if (n->ended[i] == 1 + RPC_ANSWERED)
			assert_int_equal(n->runs[i], 1);
		else
			assert_int_equal(n->ended[i], 1 + RPC_RESTARTED);
		unknown += n->ended[i] == 1 + RPC_RESTARTED;
	}
	assert_int_equal(n->wrong + n->ends_more, 0);
	assert_int_equal(rpc_client_counts(n->client).restarts, 19);
	assert_true(unknown > 19 && unknown <= 19 * 32);
	/* Late packets met servers and sessions that they were not meant for. */
	assert_true(rpc_client_counts(n->client).stale > 10);
	net_end(n);
}

static void
restarts_in_chaos_repeat_nothing(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 8; seed++)
		restarts_repeat_nothing(seed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(without_faults_nothing_is_repeated),
			cmocka_unit_test(large_values_repeat_little_more_than_was_lost),
			cmocka_unit_test(restarts_in_chaos_repeat_nothing),
			cmocka_unit_test(a_storm_loses_and_repeats_nothing),
	};

	return cmocka_run_group_tests_name("store_storm", tests, NULL, NULL);
}
