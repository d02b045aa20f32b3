/* The server's end of the store's protocol, rule by rule, with packets by hand. */
#include "store_wire.h"

static uint8_t room[NET_VALUE];

/* No client of its own takes part. */
static int
make(void **state)
{
	*state = net_make(100, NULL);
	return 0;
}

static int
end(void **state)
{
	net_end(*state);
	return 0;
}

static void
an_answer_is_kept_until_the_next_request_in_its_slot(void **state)
{
	struct net *n = *state;
	struct packet of = wire_session(n, WIRE_CLIENT, 7);
	struct packet p = wire_request(n, &of, 1, 5, 100, 200, 0, room);
	struct packet next;
	struct wire_packet first;
	struct wire_packet w;

	wire_to_server(n, 7, &p);
	wire_only(n, 0, PACKET_ANSWER, &first);
	assert_int_equal(first.p.length, 200);
	assert_memory_equal(first.p.payload, net_bytes(n, 5, 1), 200);
	for (int i = 0; i < 3; i++) {
		wire_to_server(n, 7, &p);
		wire_only(n, 0, PACKET_ANSWER, &w);
		assert_memory_equal(w.bytes, first.bytes, PACKET_HEADER_BYTES + 200);
	}
	assert_int_equal(n->runs[5], 1);
	next = wire_request(n, &of, 33, 6, 100, 20, 0, room);
	wire_to_server(n, 7, &next);
	wire_only(n, 0, PACKET_ANSWER, &w);
	p = wire_request(n, &of, 1, 5, 100, 200, 0, room);
	wire_to_server(n, 7, &p);
	wire_nothing(n, 0);
	p.type = PACKET_ASK;
	p.count = 0;
	p.length = 0;
	wire_to_server(n, 7, &p);
	wire_nothing(n, 0);
	assert_int_equal(n->runs[5], 1);
	assert_int_equal(n->runs[6], 1);
	assert_int_equal(rpc_server_counts(n->server).duplicates, 3);
	assert_int_equal(rpc_server_counts(n->server).old, 2);
}

static void
a_request_in_fragments_is_told_what_is_missing(void **state)
{
	struct net *n = *state;
	struct packet of = wire_session(n, WIRE_CLIENT, 7);
	uint32_t bytes = 2 * WIRE_PART + 30;
	struct packet p;
	struct wire_packet w;

	/* Asked about before anything of it came. */
	p = of;
	p.type = PACKET_ASK;
	p.flags = PACKET_LATE;
	p.id = 2;
	wire_to_server(n, 7, &p);
	wire_only(n, 0, PACKET_HAVE, &w);
	assert_int_equal(w.p.count, 0);
	assert_int_equal(w.p.flags, PACKET_LATE);
	p = wire_request(n, &of, 2, 9, bytes, 40, 0, room);
	wire_to_server(n, 7, &p);
	wire_nothing(n, 0);
	p = wire_request(n, &of, 2, 9, bytes, 40, 2, room);
	p.flags = PACKET_REPORT;
	wire_to_server(n, 7, &p);
	wire_only(n, 0, PACKET_HAVE, &w);
	assert_int_equal(w.p.count, 3);
	assert_int_equal(w.p.payload[0], 5);
	assert_int_equal(w.p.flags, PACKET_REPORT);
	/* The same again; and one that says that the request is larger. */
	p.flags = 0;
	wire_to_server(n, 7, &p);
	p = wire_request(n, &of, 2, 9, bytes + 1, 40, 2, room);
	wire_to_server(n, 7, &p);
	/* One that is cut otherwise, one that is too large. */
	p = wire_request(n, &of, 2, 9, bytes, 40, 0, room);
	p.length -= 8;
	p.total = 2 * p.length + 10;
	wire_to_server(n, 7, &p);
	p = wire_request(n, &of, 2, 9, bytes, 40, 0, room);
	p.total = NET_VALUE + 1;
	p.count = (NET_VALUE + WIRE_PART) / WIRE_PART;
	wire_to_server(n, 7, &p);
	wire_nothing(n, 0);
	assert_int_equal(rpc_server_counts(n->server).duplicates, 1);
	assert_int_equal(rpc_server_counts(n->server).unexpected, 3);
	assert_int_equal(n->runs[9], 0);
	p = wire_request(n, &of, 2, 9, bytes, 40, 1, room);
	wire_to_server(n, 7, &p);
	wire_only(n, 0, PACKET_ANSWER, &w);
	assert_int_equal(n->runs[9], 1);
	assert_int_equal(n->wrong, 0);
	/* Fragments of what is done have an answer too. */
	wire_to_server(n, 7, &p);
	wire_only(n, 0, PACKET_ANSWER, &w);
	assert_int_equal(n->runs[9], 1);
}

static void
an_answer_in_fragments_is_repeated_singly(void **state)
{
	struct net *n = *state;
	struct packet of = wire_session(n, WIRE_CLIENT, 7);
	uint8_t bitmap[2] = {0xfb, 0x01};
	struct packet p = wire_request(n, &of, 3, 4, 100, 10 * WIRE_PART, 0, room);
	struct wire_packet w;

	wire_to_server(n, 7, &p);
	for (uint16_t i = 0; i < 10; i++) {
		assert_true(wire_next(n, 0, &w));
		assert_int_equal(w.p.index, i);
		assert_int_equal(w.p.flags, i == 9 ? PACKET_REPORT : 0);
	}
	wire_nothing(n, 0);
	/* A copy of the request by the network has no effect: the answer is on its way. */
	wire_to_server(n, 7, &p);
	wire_nothing(n, 0);
	p = of;
	p.type = PACKET_ASK;
	p.id = 3;
	p.count = 10;
	p.payload = bitmap;
	p.length = 2;
	/* 0, 1, 3 to 8 have come: 2 is lost by its place, 9 may be on its way. */
	wire_to_server(n, 7, &p);
	wire_only(n, 0, PACKET_ANSWER, &w);
	assert_int_equal(w.p.index, 2);
	/* Asked after a timeout: whatever has not come. */
	p.flags = PACKET_LATE;
	wire_to_server(n, 7, &p);
	assert_true(wire_next(n, 0, &w));
	assert_int_equal(w.p.index, 2);
	wire_only(n, 0, PACKET_ANSWER, &w);
	assert_int_equal(w.p.index, 9);
	bitmap[0] = 0xff;
	bitmap[1] = 0x03;
	wire_to_server(n, 7, &p);
	wire_nothing(n, 0);
	assert_int_equal(n->runs[4], 1);
	assert_int_equal(rpc_server_counts(n->server).retransmitted, 3);
}

/* A request's bytes must not be read as a bitmap, though it has as many fragments as the answer. */
static void
a_late_copy_of_a_large_request_acknowledges_nothing(void **state)
{
	struct net *n = *state;
	struct packet of = wire_session(n, WIRE_CLIENT, 7);
	struct packet p;
	struct wire_packet w;

	for (uint16_t i = 0; i < 2; i++) {
		p = wire_request(n, &of, 3, 4, WIRE_PART + 16, WIRE_PART + 16, i, room);
		wire_to_server(n, 7, &p);
	}
	assert_true(wire_next(n, 0, &w) && wire_next(n, 0, &w));
	memset(room, 0xff, sizeof(room));
	p.flags = PACKET_LATE;
	wire_to_server(n, 7, &p);
	assert_true(wire_next(n, 0, &w));
	assert_int_equal(w.p.index, 0);
	wire_only(n, 0, PACKET_ANSWER, &w);
	assert_int_equal(w.p.index, 1);
}

static void
the_window_bounds_what_is_under_way(void **state)
{
	struct net *n = *state;
	struct packet of = wire_session(n, WIRE_CLIENT, 7);
	struct packet p = wire_request(n, &of, 3, 4, 100, 1024 * 1024, 0, room);
	struct packet other;
	struct wire_packet w;
	uint32_t came = 0;

	wire_to_server(n, 7, &p);
	while (wire_next(n, 0, &w))
		came++;
	assert_int_equal(came, 64);
	assert_int_equal(w.p.flags, PACKET_REPORT);
	/* Another slot's answer sends its first fragment, or its client would not know of it. */
	other = wire_request(n, &of, 4, 5, 100, 1024 * 1024, 0, room);
	wire_to_server(n, 7, &other);
	wire_only(n, 0, PACKET_ANSWER, &w);
	/* A client that is silent gets nothing more, however long that takes. */
	for (int i = 0; i < 1000; i++) {
		n->now += 1000 * NET_US;
		assert_int_equal(rpc_server_poll(n->server, n->now), 0);
	}
	wire_nothing(n, 0);
}

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

/* run() that takes the same request, and a BYE, in its middle. */
struct nested {
	struct net *n;
	struct packet p;
	uint32_t runs;
};

static size_t
run_nested(void *self, uint64_t client, const uint8_t *in, size_t bytes, uint8_t *out, size_t size)
{
	struct nested *nested = self;
	struct packet bye = nested->p;

	(void)client;
	(void)in;
	(void)bytes;
	(void)out;
	nested->runs++;
	wire_to_server(nested->n, 7, &nested->p);
	bye.type = PACKET_BYE;
	bye.length = 0;
	bye.count = 0;
	wire_to_server(nested->n, 7, &bye);
	return size + 1; /* too much */
}

static void
a_copy_of_what_is_being_carried_out_hears_busy(void **state)
{
	struct net *n = *state;
	struct nested nested = {.n = n};
	struct packet of;
	struct wire_packet w;

	rpc_server_destroy(n->server);
	n->sc.run = run_nested;
	n->sc.self = &nested;
	net_server_start(n);
	of = wire_session(n, WIRE_CLIENT, 7);
	nested.p = wire_request(n, &of, 1, 5, 100, 200, 0, room);
	wire_to_server(n, 7, &nested.p);
	assert_true(wire_next(n, 0, &w));
	assert_int_equal(w.p.type, PACKET_BUSY);
	wire_only(n, 0, PACKET_ANSWER, &w);
	assert_int_equal(w.p.length, 0);
	assert_int_equal(nested.runs, 1);
	assert_int_equal(rpc_server_counts(n->server).oversized, 1);
	assert_int_equal(rpc_server_sessions(n->server), 1);
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
a_request_that_never_gets_whole_is_given_up(void **state)
{
	struct net *n = *state;
	struct packet of = wire_session(n, WIRE_CLIENT, 7);
	struct packet p = wire_request(n, &of, 1, 5, 2 * WIRE_PART, 10, 0, room);
	struct wire_packet w;

	wire_to_server(n, 7, &p);
	n->now += n->sc.request_age + 1;
	(void)rpc_server_poll(n->server, n->now);
	assert_int_equal(rpc_server_counts(n->server).requests_aged, 1);
	p = of;
	p.id = 1;
	p.type = PACKET_ASK;
	p.flags = PACKET_LATE;
	wire_to_server(n, 7, &p);
	wire_only(n, 0, PACKET_HAVE, &w);
	assert_int_equal(w.p.count, 0);
	/* It begins anew. */
	for (uint16_t i = 0; i < 2; i++) {
		p = wire_request(n, &of, 1, 5, 2 * WIRE_PART, 10, i, room);
		wire_to_server(n, 7, &p);
	}
	wire_only(n, 0, PACKET_ANSWER, &w);
	assert_int_equal(n->runs[5], 1);
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

#define RULE(f) cmocka_unit_test_setup_teardown(f, make, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
			RULE(an_answer_is_kept_until_the_next_request_in_its_slot),
			RULE(a_request_in_fragments_is_told_what_is_missing),
			RULE(an_answer_in_fragments_is_repeated_singly),
			RULE(a_late_copy_of_a_large_request_acknowledges_nothing),
			RULE(the_window_bounds_what_is_under_way),
			RULE(what_is_of_another_epoch_or_session_hears_restarted),
			RULE(a_copy_of_what_is_being_carried_out_hears_busy),
			RULE(sessions_are_bounded_in_number_and_age),
			RULE(a_request_that_never_gets_whole_is_given_up),
			RULE(what_cannot_be_agreed_on_is_refused_by_both),
			RULE(an_unknown_version_hears_which_are_known),
			RULE(nonsense_makes_no_server),
	};

	return cmocka_run_group_tests_name("store_server", tests, NULL, NULL);
}
