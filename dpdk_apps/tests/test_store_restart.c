/* What a client of the store does when its server is another, or comes by another way. */
#include "store_wire.h"

static uint8_t rooms[HELLO_SLOTS_MAX][2048];
static uint8_t large[NET_VALUE];

static void
another_server_is_noticed_by_an_idle_client(void **state)
{
	struct net *n = *state;

	net_all_is_well(n, 1);
	rpc_server_destroy(n->server);
	net_server_start(n);
	net_run_for(n, 2 * n->cc.heartbeat);
	assert_int_equal(rpc_client_counts(n->client).restarts, 1);
	assert_int_equal(rpc_client_state(n->client), RPC_OPEN);
	net_all_is_well(n, 2);
}

static void
what_was_out_at_a_restart_is_told_to_be_unknown(void **state)
{
	struct net *n = *state;

	assert_int_equal(net_request(n, 1, 100, 100, rooms[0]), 0);
	assert_int_equal(net_request(n, 2, 100000, 100, large), 0);
	rpc_server_destroy(n->server);
	net_server_start(n);
	assert_true(net_until(n, 2, 1000 * NET_US));
	assert_int_equal(n->ended[1], 1 + RPC_RESTARTED);
	assert_int_equal(n->ended[2], 1 + RPC_RESTARTED);
	assert_int_equal(n->runs[1] + n->runs[2], 0);
	net_run_for(n, 100 * NET_US);
	net_all_is_well(n, 3);
	/* A server that says goodbye is the same, but sooner. */
	assert_int_equal(net_request(n, 4, 100, 100, rooms[0]), 0);
	rpc_server_close(n->server);
	assert_true(net_until(n, 4, 50 * NET_US));
	assert_int_equal(n->ended[4], 1 + RPC_RESTARTED);
	net_run_for(n, 100 * NET_US);
	net_all_is_well(n, 5);
}

static void
words_of_earlier_servers_and_sessions_have_no_effect(void **state)
{
	struct net *n = *state;
	uint8_t bytes[HELLO_BYTES];
	struct hello agreed = rpc_client_agreed(n->client);
	struct packet p = {.version = 1, .client_epoch = n->cc.epoch, .server_epoch = 0x999};
	uint64_t stale = rpc_client_counts(n->client).stale;

	hello_write(bytes, &agreed);
	p.type = PACKET_WELCOME;
	p.id = 1;
	p.payload = bytes;
	p.length = HELLO_BYTES;
	wire_to_client(n, &p);
	p.type = PACKET_RESTARTED;
	p.length = RESTARTED_BYTES;
	wire_to_client(n, &p);
	p.type = PACKET_REFUSED;
	wire_to_client(n, &p);
	p.type = PACKET_BYE;
	p.length = 0;
	wire_to_client(n, &p);
	p.type = PACKET_ANSWER;
	p.count = 1;
	wire_to_client(n, &p);
	p.client_epoch++;
	wire_to_client(n, &p);
	assert_int_equal(rpc_client_counts(n->client).stale - stale, 6);
	assert_int_equal(rpc_client_counts(n->client).restarts, 0);
	assert_int_equal(rpc_client_state(n->client), RPC_OPEN);
	p.client_epoch--;
	p.type = PACKET_ASK;
	p.count = 0;
	wire_to_client(n, &p);
	assert_int_equal(rpc_client_counts(n->client).unexpected, 1);
	net_all_is_well(n, 1);
}

static void
a_welcome_that_was_not_wanted_is_not_taken(void **state)
{
	struct net *n = *state;
	uint8_t bytes[HELLO_BYTES];
	struct packet p = {.version = 1,
			.type = PACKET_WELCOME,
			.server_epoch = 0x999,
			.session = 256,
			.id = 1,
			.payload = bytes,
			.length = HELLO_BYTES};

	rpc_client_destroy(n->client);
	n->cc.epoch = 0xc9;
	net_client_start(n);
	(void)rpc_client_poll(n->client, n->now);
	p.client_epoch = n->cc.epoch;
	for (int wrong = 0; wrong < 7; wrong++) {
		struct hello h = wire_wanted();

		if (wrong == 0)
			h.slots = 64;
		if (wrong == 1)
			h.slots = 3;
		if (wrong == 2)
			h.most = PACKET_HEADER_BYTES;
		if (wrong == 3)
			h.value_max--;
		if (wrong == 4)
			h.window = 0;
		if (wrong == 5)
			h.version_max = 2;
		if (wrong == 6)
			h.slots = 0;
		hello_write(bytes, &h);
		wire_to_client(n, &p);
		assert_int_equal(rpc_client_state(n->client), RPC_JOINING);
	}
	assert_int_equal(rpc_client_counts(n->client).unexpected, 7);
}

/* Found by the fuzzer: slots with requests in them were forgotten. */
static void
what_was_agreed_on_stays(void **state)
{
	struct net *n = *state;
	uint8_t bytes[HELLO_BYTES];
	struct hello less = wire_wanted();
	struct wire_packet w;
	struct packet p;

	assert_int_equal(net_request(n, 1, 100, 100, rooms[0]), 0);
	wire_only(n, 1, PACKET_REQUEST, &w);
	p = w.p;
	n->now += n->cc.heartbeat;
	(void)rpc_client_poll(n->client, n->now);
	do
		assert_true(wire_next(n, 1, &w));
	while (w.p.type != PACKET_HELLO);
	p.type = PACKET_WELCOME;
	p.id = w.p.id;
	p.total = 0;
	p.count = 0;
	p.payload = bytes;
	p.length = HELLO_BYTES;
	less.slots = 4;
	hello_write(bytes, &less);
	wire_to_client(n, &p);
	assert_int_equal(rpc_client_counts(n->client).unexpected, 1);
	assert_int_equal(rpc_client_agreed(n->client).slots, 32);
	assert_true(net_until(n, 1, 100000 * NET_US));
	assert_int_equal(n->ended[1], 1 + RPC_ANSWERED);
}

static void
a_session_goes_on_over_another_connection(void **state)
{
	struct net *n = *state;

	assert_int_equal(net_request(n, 1, 100, 100, rooms[0]), 0);
	net_step(n, NET_LATENCY);
	assert_int_equal(n->runs[1], 1);
	/* The connection breaks: the answer, and a request that is larger than the window, are
	 * gone. */
	assert_int_equal(net_request(n, 2, 200000, 100, large), 0);
	net_lose(n->ends);
	n->ends[0].refuse = -ENOTCONN;
	net_run_for(n, 1000 * NET_US);
	assert_int_equal(rpc_client_state(n->client), RPC_JOINING);
	assert_int_equal(net_request(n, 3, 100, 100, rooms[1]), -EAGAIN);
	n->ends[0].refuse = 0;
	n->ends[0].peer = 99; /* the server sees another peer */
	assert_true(net_until(n, 2, 50000 * NET_US));
	assert_int_equal(n->ended[1], 1 + RPC_ANSWERED);
	assert_int_equal(n->ended[2], 1 + RPC_ANSWERED);
	assert_int_equal(n->runs[1], 1);
	assert_int_equal(n->runs[2], 1);
	assert_int_equal(rpc_client_counts(n->client).restarts, 0);
	assert_int_equal(rpc_server_counts(n->server).sessions_begun, 1);
}

#define RULE(f) cmocka_unit_test_setup_teardown(f, net_set_up_open, net_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
			RULE(another_server_is_noticed_by_an_idle_client),
			RULE(what_was_out_at_a_restart_is_told_to_be_unknown),
			RULE(words_of_earlier_servers_and_sessions_have_no_effect),
			RULE(a_welcome_that_was_not_wanted_is_not_taken),
			RULE(what_was_agreed_on_stays),
			RULE(a_session_goes_on_over_another_connection),
	};

	return cmocka_run_group_tests_name("store_restart", tests, NULL, NULL);
}
