/* A client's carrier over TCP: it connects, and connects again, without ever waiting. */
#include "tcp_client.h"
#include "tcp_lab.h"

struct lab {
	struct sockaddr_in address;
	struct tcp_client *client;
	struct carrier *carrier;
	struct lab_taken taken;
};

static int
make(void **state, enum tcp_mode mode)
{
	struct lab *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return -1;
	l->address = lab_address();
	l->client = tcp_client_create(&l->address, mode);
	assert_non_null(l->client);
	l->carrier = tcp_client_carrier(l->client);
	l->taken.numbered = true;
	*state = l;
	return 0;
}

static int
set_up_block(void **state)
{
	return make(state, TCP_BLOCK);
}

static int
set_up_poll(void **state)
{
	return make(state, TCP_POLL);
}

static int
tear_down(void **state)
{
	struct lab *l = *state;

	tcp_client_destroy(l->client);
	free(l);
	return 0;
}

/* The other end of its next connection. */
static int
take_connection(struct lab *l, int listener)
{
	uint64_t before = tcp_client_counts(l->client).connections;
	int fd;

	for (int i = 0; i < LAB_WAIT_MS && tcp_client_counts(l->client).connections == before; i++)
		lab_poll_for(l->carrier, &l->taken, 1);
	assert_true(tcp_client_connected(l->client));
	assert_true(lab_readable(listener, LAB_WAIT_MS));
	fd = accept(listener, NULL, NULL);
	assert_true(fd >= 0);
	return fd;
}

static void
packets_go_both_ways(void **state)
{
	struct lab *l = *state;
	int listener = lab_listen(&l->address);
	int other = take_connection(l, listener);

	for (uint32_t i = 0; i < 20; i++) {
		uint8_t *bytes = lab_packet(i, 100 + i);

		assert_int_equal(lab_send(l->carrier, TCP_CLIENT_PEER, i, 60 + i), 0);
		lab_read_packet(other, i, 60 + i);
		lab_write(other, bytes, TCP_STREAM_LENGTH_BYTES + 100 + i);
		free(bytes);
		assert_true(lab_poll(l->carrier, &l->taken, i + 1));
		assert_int_equal(l->taken.peer, TCP_CLIENT_PEER);
	}
	assert_int_equal(l->taken.wrong, 0);
	assert_int_equal(close(other), 0);
	assert_int_equal(close(listener), 0);
}

static void
it_connects_when_there_is_a_server(void **state)
{
	struct lab *l = *state;
	int listener, other;

	lab_poll_for(l->carrier, &l->taken, 50);
	assert_false(tcp_client_connected(l->client));
	assert_int_equal(lab_send(l->carrier, TCP_CLIENT_PEER, 0, 64), -ENOTCONN);
	listener = lab_listen(&l->address);
	other = take_connection(l, listener);
	assert_int_equal(lab_send(l->carrier, TCP_CLIENT_PEER, 0, 64), 0);
	lab_read_packet(other, 0, 64);
	assert_int_equal(close(other), 0);
	assert_int_equal(close(listener), 0);
}

static void
it_connects_again(void **state)
{
	struct lab *l = *state;
	int listener = lab_listen(&l->address);

	for (uint32_t i = 0; i < 3; i++) {
		int other = take_connection(l, listener);

		assert_int_equal(close(other), 0);
		for (int k = 0; k < LAB_WAIT_MS && tcp_client_connected(l->client); k++)
			lab_poll_for(l->carrier, &l->taken, 1);
		assert_false(tcp_client_connected(l->client));
		assert_int_equal(lab_send(l->carrier, TCP_CLIENT_PEER, 0, 64), -ENOTCONN);
	}
	assert_int_equal(tcp_client_counts(l->client).connections, 3);
	assert_int_equal(close(listener), 0);
}

/* A server that takes each connection and leaves it at once is not run over. */
static void
it_pauses_longer_and_longer(void **state)
{
	struct lab *l = *state;
	int listener = lab_listen(&l->address);
	uint64_t began = lab_now_ms();
	uint64_t tries;

	while (lab_now_ms() - began < 1000) {
		lab_poll_for(l->carrier, &l->taken, 1);
		if (lab_readable(listener, 0))
			assert_int_equal(close(accept(listener, NULL, NULL)), 0);
	}
	tries = tcp_client_counts(l->client).connections;
	/* After 5, 10, 20, 40, 80 and 160 ms, and then five in a second. */
	assert_in_range(tries, 2, 8 + (lab_now_ms() - began) / 200);
	assert_int_equal(close(listener), 0);
}

static void
nonsense_ends_a_connection(void **state)
{
	struct lab *l = *state;
	int listener = lab_listen(&l->address);
	int other = take_connection(l, listener);

	lab_write(other, "HTTP/1.1 200 OK\r\n", 17);
	for (int i = 0; i < LAB_WAIT_MS && tcp_client_connected(l->client); i++)
		lab_poll_for(l->carrier, &l->taken, 1);
	assert_true(lab_closes(other, LAB_WAIT_MS));
	assert_int_equal(tcp_client_counts(l->client).drops[TCP_DROP_LENGTH], 1);
	assert_int_equal(close(other), 0);
	other = take_connection(l, listener);
	assert_int_equal(close(other), 0);
	assert_int_equal(close(listener), 0);
}

static void
what_was_kept_back_leaves_while_it_sleeps(void **state)
{
	struct lab *l = *state;
	int listener = lab_listen(&l->address);
	int other = take_connection(l, listener);
	uint32_t sent = 0;

	while (lab_send(l->carrier, TCP_CLIENT_PEER, sent, 300000) == 0)
		sent++;
	for (uint32_t i = 0; i < sent; i++) {
		lab_read_packet(other, i, 300000);
		l->carrier->calls->wait(l->carrier, -1, 1000000);
		(void)l->carrier->calls->poll(l->carrier, lab_take, &l->taken);
	}
	assert_int_equal(lab_send(l->carrier, TCP_CLIENT_PEER, sent, 64), 0);
	lab_read_packet(other, sent, 64);
	assert_int_equal(close(other), 0);
	assert_int_equal(close(listener), 0);
}

/* One that polls rests while nothing is expected: what comes ends the rest, and so does another
 * descriptor, after which it looks at the connection from the second time on. */
static void
one_that_polls_can_rest(void **state)
{
	const uint64_t minute = 60000 * UINT64_C(1000000);
	struct lab *l = *state;
	int listener = lab_listen(&l->address);
	int other = take_connection(l, listener);
	uint8_t *bytes = lab_packet(0, 64);
	int pipe_ends[2];

	assert_null(l->carrier->calls->wait);
	assert_int_equal(pipe(pipe_ends), 0);
	assert_int_equal(write(pipe_ends[1], "", 1), 1);
	l->carrier->calls->rest(l->carrier, pipe_ends[0], minute);
	lab_write(other, bytes, TCP_STREAM_LENGTH_BYTES + 64);
	free(bytes);
	assert_int_equal(l->carrier->calls->poll(l->carrier, lab_take, &l->taken), 0);
	assert_true(lab_poll(l->carrier, &l->taken, 1));
	bytes = lab_packet(1, 64);
	lab_write(other, bytes, TCP_STREAM_LENGTH_BYTES + 64);
	free(bytes);
	l->carrier->calls->rest(l->carrier, -1, minute);
	assert_int_equal(l->carrier->calls->poll(l->carrier, lab_take, &l->taken), 1);
	assert_int_equal(l->taken.wrong, 0);
	assert_int_equal(close(pipe_ends[0]), 0);
	assert_int_equal(close(pipe_ends[1]), 0);
	assert_int_equal(close(other), 0);
	assert_int_equal(close(listener), 0);
}

#define BLOCK(f) cmocka_unit_test_setup_teardown(f, set_up_block, tear_down)
#define POLL(f) cmocka_unit_test_setup_teardown(f, set_up_poll, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
			BLOCK(packets_go_both_ways),
			POLL(packets_go_both_ways),
			BLOCK(it_connects_when_there_is_a_server),
			POLL(it_connects_when_there_is_a_server),
			BLOCK(it_connects_again),
			POLL(it_connects_again),
			POLL(it_pauses_longer_and_longer),
			POLL(nonsense_ends_a_connection),
			BLOCK(what_was_kept_back_leaves_while_it_sleeps),
			POLL(one_that_polls_can_rest),
	};

	return cmocka_run_group_tests_name("store_tcp_client", tests, NULL, NULL);
}
