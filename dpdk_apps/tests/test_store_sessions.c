/* Who has a session at a server of the store, and who is refused one. */
#include "store_wire.h"

static uint8_t room[NET_VALUE];

static void
what_is_of_another_epoch_or_session_hears_restarted(void **state)
{
	struct net *n = *state;
	struct packet of = wire_session(n, WIRE_CLIENT, 7);
	struct wire_packet w;

	for (int wrong = 0; wrong < 3; wrong++) {
		struct packet p = wire_request(n, &of, 1, 5, 100, 200, 0, room);

		if (wrong == 0)
			p.server_epoch++;
		if (wrong == 1)
			p.session += RPC_SESSIONS_MAX;
		if (wrong == 2)
			p.client_epoch++;
		wire_to_server(n, 7, &p);
		wire_only(n, 0, PACKET_RESTARTED, &w);
		assert_int_equal(wire_get_be64(w.p.payload), p.server_epoch);
		assert_int_equal(w.p.server_epoch, of.server_epoch);
		assert_int_equal(w.p.session, p.session);
	}
	assert_int_equal(n->runs[5], 0);
	/* From another peer: not this client. */
	of.type = PACKET_BYE;
	wire_to_server(n, 17, &of);
	assert_int_equal(rpc_server_sessions(n->server), 1);
	assert_int_equal(rpc_server_counts(n->server).stale, 1);
	wire_to_server(n, 7, &of);
	wire_to_server(n, 7, &of);
	wire_nothing(n, 0);
	assert_int_equal(rpc_server_sessions(n->server), 0);
	assert_int_equal(rpc_server_counts(n->server).sessions_ended, 1);
	/* A late packet fits no later session. */
	(void)wire_session(n, WIRE_CLIENT, 7);
	{
		struct packet p = wire_request(n, &of, 1, 5, 100, 200, 0, room);

		wire_to_server(n, 7, &p);
		wire_only(n, 0, PACKET_RESTARTED, &w);
	}
	assert_int_equal(n->runs[5], 0);
}

static void
sessions_are_bounded_in_number_and_age(void **state)
{
	struct net *n = *state;
	uint8_t bytes[HELLO_BYTES];
	const struct hello wanted = wire_wanted();
	struct packet p;
	struct packet of = wire_session(n, 100, 20);
	struct wire_packet w;

	for (uint32_t i = 1; i < 4; i++)
		(void)wire_session(n, 100 + i, 20 + i);
	/* HELLO again: the same session, and no other. */
	assert_int_equal(wire_session(n, 100, 20).session, of.session);
	p = wire_hello(200, &wanted, bytes);
	wire_to_server(n, 30, &p);
	wire_only(n, 0, PACKET_BUSY, &w);
	assert_int_equal(w.p.session, 0);
	/* A peer that was started anew takes the place that it had. */
	assert_int_not_equal(wire_session(n, 201, 20).session, of.session);
	assert_int_equal(rpc_server_sessions(n->server), 4);
	n->now += n->sc.session_age + 1;
	wire_to_server(n, 30, &p);
	wire_only(n, 0, PACKET_WELCOME, &w);
	(void)rpc_server_poll(n->server, n->now);
	assert_int_equal(rpc_server_sessions(n->server), 1);
	assert_int_equal(rpc_server_counts(n->server).sessions_aged, 5);
	rpc_server_close(n->server);
	wire_only(n, 0, PACKET_BYE, &w);
	assert_int_equal(rpc_server_sessions(n->server), 0);
}

static void
what_cannot_be_agreed_on_is_refused_by_both(void **state)
{
	struct net *n = *state;
	char text[160];
	char same[160];

	rpc_server_refusal(n->server, text, sizeof(text));
	assert_string_equal(text, "");
	for (int wrong = 0; wrong < 3; wrong++) {
		rpc_client_destroy(n->client);
		n->cc.epoch++;
		n->cc.wanted = wire_wanted();
		if (wrong == 0)
			n->cc.wanted.version_min = n->cc.wanted.version_max = 2;
		if (wrong == 1)
			n->cc.wanted.value_max++;
		if (wrong == 2)
			n->cc.wanted.features = 1;
		net_client_start(n);
		net_run_for(n, 100 * NET_US);
		assert_int_equal(rpc_client_state(n->client), RPC_REFUSED);
		assert_int_equal(net_request(n, 1, 100, 100, room), -ENOTCONN);
		rpc_client_refusal(n->client, text, sizeof(text));
		rpc_server_refusal(n->server, same, sizeof(same));
		assert_string_equal(text, same);
	}
	assert_int_equal(rpc_server_counts(n->server).refused[REFUSAL_VERSION], 1);
	assert_int_equal(rpc_server_counts(n->server).refused[REFUSAL_VALUE], 1);
	assert_int_equal(rpc_server_counts(n->server).refused[REFUSAL_FEATURES], 1);
	assert_int_equal(rpc_server_sessions(n->server), 0);
}

static void
an_unknown_version_hears_which_are_known(void **state)
{
	struct net *n = *state;
	struct packet of = wire_session(n, WIRE_CLIENT, 7);
	struct packet p = wire_request(n, &of, 1, 5, 100, 200, 0, room);
	struct refusal r;
	struct wire_packet w;

	p.version = 9;
	wire_to_server(n, 7, &p);
	wire_only(n, 0, PACKET_REFUSED, &w);
	refusal_read(&r, w.p.payload);
	assert_int_equal(r.reason, REFUSAL_VERSION);
	assert_int_equal(r.version_max, PACKET_VERSION_MAX);
	assert_int_equal(rpc_server_counts(n->server).dropped[PACKET_VERSION], 1);
	/* What only clients take has no effect, whatever its version. */
	for (uint8_t type = PACKET_WELCOME; type <= PACKET_REFUSED; type++) {
		uint8_t bytes[HELLO_BYTES] = {0};

		if (type == PACKET_REQUEST || type == PACKET_ASK)
			continue;
		p = of;
		p.type = type;
		p.payload = bytes;
		p.length = type == PACKET_WELCOME ? HELLO_BYTES : type >= PACKET_RESTARTED ? 8 : 0;
		p.count = type == PACKET_ANSWER;
		wire_to_server(n, 7, &p);
	}
	wire_nothing(n, 0);
	assert_int_equal(rpc_server_counts(n->server).unexpected, 6);
}

static void
nonsense_makes_no_server(void **state)
{
	struct net *n = *state;
	struct rpc_server_config k = n->sc;

	k.offered.slots = 12;
	assert_null(rpc_server_create(&k));
	assert_int_equal(errno, EINVAL);
	k = n->sc;
	k.bytes = 2 * NET_VALUE;
	assert_null(rpc_server_create(&k));
	k = n->sc;
	k.epoch = 0;
	assert_null(rpc_server_create(&k));
}

#define RULE(f) cmocka_unit_test_setup_teardown(f, net_set_up, net_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
			RULE(what_is_of_another_epoch_or_session_hears_restarted),
			RULE(sessions_are_bounded_in_number_and_age),
			RULE(what_cannot_be_agreed_on_is_refused_by_both),
			RULE(an_unknown_version_hears_which_are_known),
			RULE(nonsense_makes_no_server),
	};

	return cmocka_run_group_tests_name("store_sessions", tests, NULL, NULL);
}
