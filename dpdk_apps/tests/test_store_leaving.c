/* How a server of the store learns that a client is gone, and who hears of it. */
#include "store_wire.h"

#define LEFT_MAX 8

/* Who has left, in order. */
struct left {
	uint64_t clients[LEFT_MAX];
	uint32_t count;
};

struct leaving {
	struct net *n;
	struct left left;
};

/* What the carrier says: peers from here on are gone. */
static uint32_t gone_from;
static uint8_t room[NET_VALUE];

static size_t
run(void *self, uint64_t client, const uint8_t *in, size_t n, uint8_t *out, size_t out_room)
{
	(void)self;
	(void)client;
	(void)in;
	(void)n;
	(void)out;
	(void)out_room;
	return 0;
}

static void
note(void *self, uint64_t client)
{
	struct left *left = self;

	assert_true(left->count < LEFT_MAX);
	left->clients[left->count++] = client;
}

static bool
gone(struct carrier *c, uint32_t peer)
{
	(void)c;
	return peer >= gone_from;
}

static const struct carrier_calls calls = {.send = net_send, .poll = net_poll, .gone = gone};

static int
set_up(void **state)
{
	struct leaving *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return -1;
	gone_from = UINT32_MAX;
	l->n = net_make(100, NULL);
	rpc_server_destroy(l->n->server);
	l->n->ends[1].carrier.calls = &calls;
	l->n->sc.run = run;
	l->n->sc.left = note;
	l->n->sc.self = &l->left;
	net_server_start(l->n);
	*state = l;
	return 0;
}

static int
tear_down(void **state)
{
	struct leaving *l = *state;
	uint32_t before = l->left.count;
	struct wire_packet w;

	/* The end of a server is no client's. */
	rpc_server_close(l->n->server);
	while (wire_next(l->n, 0, &w))
		assert_int_equal(w.p.type, PACKET_BYE);
	net_end(l->n);
	before = l->left.count - before;
	free(l);
	return before == 0 ? 0 : -1;
}

static void
one_that_says_bye_has_left(void **state)
{
	struct leaving *l = *state;
	struct packet of = wire_session(l->n, 100, 20);

	(void)wire_session(l->n, 101, 21);
	of.type = PACKET_BYE;
	wire_to_server(l->n, 20, &of);
	assert_int_equal(l->left.count, 1);
	assert_int_equal(l->left.clients[0], 100);
}

static void
one_that_is_silent_has_left(void **state)
{
	struct leaving *l = *state;

	(void)wire_session(l->n, 100, 20);
	l->n->now += l->n->sc.session_age / 2;
	(void)wire_session(l->n, 101, 21);
	l->n->now += l->n->sc.session_age / 2 + 1;
	(void)rpc_server_poll(l->n->server, l->n->now);
	assert_int_equal(l->left.count, 1);
	assert_int_equal(l->left.clients[0], 100);
}

static void
one_that_makes_room_for_its_own_next_has_left(void **state)
{
	struct leaving *l = *state;

	for (uint32_t i = 0; i < 4; i++)
		(void)wire_session(l->n, 100 + i, 20 + i);
	(void)wire_session(l->n, 200, 22);
	assert_int_equal(l->left.count, 1);
	assert_int_equal(l->left.clients[0], 102);
}

static void
one_whose_connection_ended_makes_room(void **state)
{
	struct leaving *l = *state;
	const struct hello wanted = wire_wanted();
	uint8_t bytes[HELLO_BYTES];
	struct packet p = wire_hello(200, &wanted, bytes);
	struct wire_packet w;

	for (uint32_t i = 0; i < 4; i++)
		(void)wire_session(l->n, 100 + i, 20 + i);
	/* Not at once: it may be on its way back. */
	gone_from = 23;
	wire_to_server(l->n, 10, &p);
	wire_only(l->n, 0, PACKET_BUSY, &w);
	l->n->now += l->n->sc.session_age / 4;
	wire_to_server(l->n, 10, &p);
	wire_only(l->n, 0, PACKET_WELCOME, &w);
	assert_int_equal(l->left.count, 1);
	assert_int_equal(l->left.clients[0], 103);
	/* The others are silent for as long, but there. */
	p = wire_hello(201, &wanted, bytes);
	wire_to_server(l->n, 11, &p);
	wire_only(l->n, 0, PACKET_BUSY, &w);
	assert_int_equal(rpc_server_sessions(l->n->server), 4);
}

static void
one_that_comes_over_another_connection_has_not_left(void **state)
{
	struct leaving *l = *state;
	struct packet of = wire_session(l->n, 100, 30);
	struct wire_packet w;
	struct packet p;

	gone_from = 30;
	l->n->now += l->n->sc.session_age / 2;
	assert_int_equal(wire_session(l->n, 100, 20).session, of.session);
	p = wire_request(l->n, &of, 1, 5, 100, 200, 0, room);
	wire_to_server(l->n, 20, &p);
	wire_only(l->n, 0, PACKET_ANSWER, &w);
	assert_int_equal(l->left.count, 0);
}

#define RULE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
			RULE(one_that_says_bye_has_left),
			RULE(one_that_is_silent_has_left),
			RULE(one_that_makes_room_for_its_own_next_has_left),
			RULE(one_whose_connection_ended_makes_room),
			RULE(one_that_comes_over_another_connection_has_not_left),
	};

	return cmocka_run_group_tests_name("store_leaving", tests, NULL, NULL);
}
