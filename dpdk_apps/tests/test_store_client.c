/* The client's end of the store's protocol, rule by rule. */
#include "store_wire.h"

static uint8_t rooms[HELLO_SLOTS_MAX][2048];
static uint8_t large[NET_VALUE];

static void
a_small_request_is_one_packet_each_way(void **state)
{
	struct net *n = *state;
	struct rpc_client_counts before = rpc_client_counts(n->client);
	struct rpc_client_counts after;

	for (uint32_t i = 0; i < 50; i++)
		net_all_is_well(n, i);
	after = rpc_client_counts(n->client);
	assert_int_equal(after.tx - before.tx, 50);
	assert_int_equal(after.rx - before.rx, 50);
	assert_int_equal(rpc_client_out(n->client), 0);
}

static void
slots_and_sizes_have_their_bounds(void **state)
{
	struct net *n = *state;

	for (uint32_t i = 0; i < 32; i++)
		assert_int_equal(net_request(n, i, 100, 100, rooms[i]), 0);
	assert_int_equal(net_request(n, 32, 100, 100, rooms[32]), -EAGAIN);
	assert_int_equal(rpc_client_out(n->client), 32);
	assert_true(net_until(n, 32, 1000 * NET_US));
	assert_int_equal(rpc_client_send(n->client, 0, large, NET_VALUE + 1, n->now), -EMSGSIZE);
	/* The largest, both ways. */
	assert_int_equal(net_request(n, 40, NET_VALUE, NET_VALUE, large), 0);
	assert_true(net_until(n, 33, 100000 * NET_US));
	assert_int_equal(n->runs[40], 1);
	assert_int_equal(n->wrong, 0);
	assert_int_equal(rpc_client_counts(n->client).retransmitted, 0);
}

static void
a_server_that_is_gone_ends_in_the_deadline(void **state)
{
	struct net *n = *state;
	uint64_t began;
	uint64_t tx = rpc_client_counts(n->client).tx;

	rpc_server_destroy(n->server);
	n->server = NULL;
	rpc_client_destroy(n->client);
	n->cc.deadline = 100000 * NET_US;
	n->cc.wanted.slots = 4;
	net_server_start(n);
	net_client_start(n);
	net_open(n);
	rpc_server_destroy(n->server);
	n->server = NULL;
	began = n->now;
	tx = rpc_client_counts(n->client).tx;
	assert_int_equal(net_request(n, 1, 100, 100, rooms[0]), 0);
	assert_int_equal(net_request(n, 2, 100000, 100, large), 0);
	for (uint64_t stop = n->now + 200000 * NET_US; n->now < stop && n->ended_count < 2;) {
		net_step(n, NET_US);
		net_lose(n->ends);
	}
	assert_int_equal(n->ended[1], 1 + RPC_DEADLINE);
	assert_int_equal(n->ended[2], 1 + RPC_DEADLINE);
	assert_true(n->now - began >= n->cc.deadline && n->now - began <= n->cc.deadline + NET_US);
	/* Waits double: 64 fragments, then a few questions about each of the two. */
	assert_in_range(rpc_client_counts(n->client).tx - tx, 64 + 10, 64 + 40);
	assert_in_range(rpc_client_counts(n->client).timeouts, 10, 40);
	/* The slots are free again, and a new server is found. */
	net_server_start(n);
	net_run_for(n, 200000 * NET_US);
	net_all_is_well(n, 3);
}

static void
ids_wrap_round(void **state)
{
	struct net *n = *state;

	rpc_client_destroy(n->client);
	n->cc.epoch = 0xc2;
	n->cc.first_id = UINT64_MAX - 100;
	net_client_start(n);
	net_open(n);
	for (uint32_t i = 0; i < 1000; i++) {
		while (net_request(n, i, 100, 100, rooms[i % 32]) != 0)
			net_step(n, NET_US);
	}
	assert_true(net_until(n, 1000, 10000 * NET_US));
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(n->runs[i], 1);
	assert_int_equal(rpc_client_counts(n->client).ended[RPC_ANSWERED], 1000);
	assert_int_equal(rpc_server_counts(n->server).old, 0);
}

static void
a_carrier_that_is_full_only_delays(void **state)
{
	struct net *n = *state;

	for (int end = 0; end < 2; end++) {
		uint32_t number = 10 + 2 * (uint32_t)end;
		uint64_t ended = n->ended_count;

		n->ends[end].refuse = -EAGAIN;
		assert_int_equal(net_request(n, number, 100, 100, rooms[0]), 0);
		assert_int_equal(net_request(n, number + 1, 20000, 20000, large), 0);
		net_run_for(n, 50 * NET_US);
		assert_int_equal(n->ended_count, ended);
		n->ends[end].refuse = 0;
		assert_true(net_until(n, ended + 2, 10000 * NET_US));
		assert_int_equal(n->runs[number], 1);
		assert_int_equal(n->runs[number + 1], 1);
	}
	assert_true(rpc_client_counts(n->client).send_full > 0);
	assert_true(rpc_server_counts(n->server).send_full > 0);
	assert_int_equal(n->wrong, 0);
}

static void
closing_ends_all_and_tells_the_server(void **state)
{
	struct net *n = *state;

	assert_int_equal(net_request(n, 1, 100, 100, rooms[0]), 0);
	rpc_client_close(n->client, n->now);
	assert_int_equal(n->ended[1], 1 + RPC_CLOSED);
	assert_int_equal(net_request(n, 2, 100, 100, rooms[0]), -ENOTCONN);
	net_run_for(n, 50 * NET_US);
	assert_int_equal(rpc_server_sessions(n->server), 0);
	assert_int_equal(rpc_server_counts(n->server).sessions_ended, 1);
	assert_int_equal(n->ended_count, 1);
}

static void
busy_is_waited_for(void **state)
{
	struct net *n = *state;
	struct wire_packet w;
	struct packet p;
	uint64_t timeouts;

	assert_int_equal(net_request(n, 1, 100, 100, rooms[0]), 0);
	wire_only(n, 1, PACKET_REQUEST, &w);
	p = w.p;
	p.type = PACKET_BUSY;
	p.length = 0;
	p.count = 0;
	wire_to_client(n, &p);
	timeouts = rpc_client_counts(n->client).timeouts;
	n->now += n->cc.rto_floor + n->cc.rto_floor / 2;
	(void)rpc_client_poll(n->client, n->now);
	/* Twice the wait, from when it came. */
	assert_int_equal(rpc_client_counts(n->client).timeouts, timeouts);
	assert_int_equal(rpc_client_counts(n->client).busy, 1);
	assert_true(net_until(n, 1, 10000 * NET_US));
	assert_int_equal(n->ended[1], 1 + RPC_ANSWERED);
	assert_int_equal(rpc_client_counts(n->client).retransmitted, 1);
}

/* Where the way was broken, the server says who it is before it hears of a request. */
static void
a_way_that_was_broken_is_asked_about_first(void **state)
{
	struct net *n = *state;
	struct wire_packet w;

	assert_int_equal(net_request(n, 1, 100, 100, rooms[0]), 0);
	assert_true(wire_next(n, 1, &w)); /* lost with the way */
	rpc_client_rejoin(n->client);
	assert_int_equal(rpc_client_state(n->client), RPC_JOINING);
	assert_int_equal(net_request(n, 2, 100, 100, rooms[1]), -EAGAIN);
	(void)rpc_client_poll(n->client, n->now);
	wire_only(n, 1, PACKET_HELLO, &w);
	rpc_server_take(n->server, 7, w.bytes, PACKET_HEADER_BYTES + w.p.length, n->now);
	net_open(n);
	/* The same session: what was out is asked about. */
	assert_true(net_until(n, 1, 1000 * NET_US));
	assert_int_equal(n->ended[1], 1 + RPC_ANSWERED);
	assert_int_equal(rpc_client_restarts(n->client), 0);
	net_all_is_well(n, 3);
}

static void
a_request_may_have_a_deadline_of_its_own(void **state)
{
	struct net *n = *state;

	rpc_server_destroy(n->server);
	n->server = NULL;
	memset(rooms[0], 0, 100);
	assert_int_equal(rpc_client_send_until(n->client, UINT64_C(5) << 32, rooms[0], 100, n->now,
					 n->now + 3000 * NET_US),
			0);
	net_run_for(n, 2900 * NET_US);
	assert_int_equal(n->ended_count, 0);
	net_run_for(n, 200 * NET_US);
	assert_int_equal(n->ended[5], 1 + RPC_DEADLINE);
}

#define RULE(f) cmocka_unit_test_setup_teardown(f, net_set_up_open, net_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
			RULE(a_small_request_is_one_packet_each_way),
			RULE(slots_and_sizes_have_their_bounds),
			RULE(a_server_that_is_gone_ends_in_the_deadline),
			RULE(ids_wrap_round),
			RULE(a_carrier_that_is_full_only_delays),
			RULE(closing_ends_all_and_tells_the_server),
			RULE(busy_is_waited_for),
			RULE(a_way_that_was_broken_is_asked_about_first),
			RULE(a_request_may_have_a_deadline_of_its_own),
	};

	return cmocka_run_group_tests_name("store_client", tests, NULL, NULL);
}
