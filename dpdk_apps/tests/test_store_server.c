/* The server's end of the store's protocol, rule by rule, with packets by hand. */
#include "store_wire.h"

static uint8_t room[NET_VALUE];

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
	assert_int_equal(n->caller, WIRE_CLIENT);
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
a_peer_that_is_gone_is_sent_nothing_until_it_asks(void **state)
{
	struct net *n = *state;
	struct packet of = wire_session(n, WIRE_CLIENT, 7);
	struct packet small = wire_request(n, &of, 1, 5, 100, 200, 0, room);
	struct packet p;
	struct wire_packet w;

	n->ends[1].refuse = -ENOTCONN;
	wire_to_server(n, 7, &small);
	p = wire_request(n, &of, 2, 6, 100, 20000, 0, room);
	wire_to_server(n, 7, &p);
	for (int i = 0; i < 100; i++)
		(void)rpc_server_poll(n->server, n->now);
	assert_int_equal(rpc_server_counts(n->server).send_failed, 2);
	n->ends[1].refuse = 0;
	(void)rpc_server_poll(n->server, n->now);
	wire_nothing(n, 0);
	(void)wire_session(n, WIRE_CLIENT, 9);
	p = of;
	p.type = PACKET_ASK;
	p.flags = PACKET_LATE;
	for (p.id = 1; p.id < 3; p.id++) {
		wire_to_server(n, 9, &p);
		assert_true(wire_next(n, 0, &w));
		assert_int_equal(w.p.index, 0);
	}
	assert_int_equal(n->runs[5] + n->runs[6], 2);
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

#define RULE(f) cmocka_unit_test_setup_teardown(f, net_set_up, net_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
			RULE(an_answer_is_kept_until_the_next_request_in_its_slot),
			RULE(a_request_in_fragments_is_told_what_is_missing),
			RULE(an_answer_in_fragments_is_repeated_singly),
			RULE(a_late_copy_of_a_large_request_acknowledges_nothing),
			RULE(the_window_bounds_what_is_under_way),
			RULE(a_peer_that_is_gone_is_sent_nothing_until_it_asks),
			RULE(a_copy_of_what_is_being_carried_out_hears_busy),
			RULE(a_request_that_never_gets_whole_is_given_up),
	};

	return cmocka_run_group_tests_name("store_server", tests, NULL, NULL);
}
