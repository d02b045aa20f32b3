/* A server's carrier over TCP, with bare sockets as its clients. */
#include "tcp_lab.h"
#include "tcp_server.h"

struct lab {
	struct sockaddr_in address;
	struct tcp_server *server;
	struct carrier *carrier;
	struct lab_taken taken;
	enum tcp_mode mode;
};

static int
make(void **state, enum tcp_mode mode)
{
	struct lab *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return -1;
	l->mode = mode;
	l->address = lab_address();
	l->server = tcp_server_create(&l->address, mode);
	assert_non_null(l->server);
	l->carrier = tcp_server_carrier(l->server);
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

	tcp_server_destroy(l->server);
	free(l);
	return 0;
}

/* Polls often enough for a server that never sleeps to look at new connections. */
static void
look(struct lab *l)
{
	for (int i = 0; i < 1000; i++)
		(void)l->carrier->calls->poll(l->carrier, lab_take, &l->taken);
}

/* Polls until a packet has come. */
static void
poll_until(struct lab *l, uint32_t count)
{
	for (int i = 0; i < 1000 && l->taken.count < count; i++) {
		look(l);
		(void)usleep(1000);
	}
	assert_int_equal(l->taken.count, count);
}

/* A client that has said HELLO; its peer. */
static uint32_t
join(struct lab *l, int *fd)
{
	uint8_t hello[128];

	*fd = lab_connect(&l->address);
	lab_write(*fd, hello, lab_hello(hello));
	poll_until(l, l->taken.count + 1);
	return l->taken.peer;
}

static struct tcp_counts
counts(const struct lab *l)
{
	return tcp_server_counts(l->server);
}

static void
an_answer_goes_to_who_asked(void **state)
{
	struct lab *l = *state;
	int fds[20];
	uint32_t peers[20];

	for (uint32_t i = 0; i < 20; i++)
		peers[i] = join(l, &fds[i]);
	for (uint32_t i = 0; i < 20; i++) {
		assert_int_equal(lab_send(l->carrier, peers[i], i, 100 + i), 0);
		assert_false(l->carrier->calls->gone(l->carrier, peers[i]));
	}
	for (uint32_t i = 0; i < 20; i++) {
		lab_read_packet(fds[i], i, 100 + i);
		assert_false(lab_readable(fds[i], 0));
		assert_int_equal(close(fds[i]), 0);
	}
	assert_int_equal(counts(l).connections, 20);
	assert_int_equal(counts(l).tx_packets, 20);
}

static void
a_late_answer_goes_to_nobody_else(void **state)
{
	struct lab *l = *state;
	int fd;
	uint32_t peer = join(l, &fd);
	uint32_t next;

	assert_int_equal(close(fd), 0);
	for (int i = 0; i < 1000 && !l->carrier->calls->gone(l->carrier, peer); i++) {
		look(l);
		(void)usleep(1000);
	}
	assert_int_equal(lab_send(l->carrier, peer, 0, 100), -ENOTCONN);
	next = join(l, &fd);
	assert_int_not_equal(next, peer);
	assert_int_equal(lab_send(l->carrier, peer, 0, 100), -ENOTCONN);
	assert_true(l->carrier->calls->gone(l->carrier, peer));
	assert_false(lab_readable(fd, 20));
	assert_int_equal(lab_send(l->carrier, next, 1, 100), 0);
	lab_read_packet(fd, 1, 100);
	assert_int_equal(close(fd), 0);
}

/* Packets until there is room for no more; `sent` counts them. */
static void
fill(struct lab *l, uint32_t peer, uint32_t *sent)
{
	int result;

	while ((result = lab_send(l->carrier, peer, *sent, 200000)) == 0)
		++*sent;
	assert_int_equal(result, -EAGAIN);
}

static void
one_that_never_reads_stops_nobody(void **state)
{
	struct lab *l = *state;
	int deaf, other;
	uint32_t peer = join(l, &deaf);
	uint32_t next = join(l, &other);
	uint32_t sent = 0;

	for (uint32_t i = 0; i < 100; i++) {
		fill(l, peer, &sent);
		assert_int_equal(lab_send(l->carrier, next, i, 100), 0);
		lab_read_packet(other, i, 100);
		look(l);
	}
	assert_true(counts(l).full >= 100);
	fill(l, peer, &sent);
	assert_int_equal(counts(l).drops[TCP_DROP_UNSENT], 1);
	/* Once it reads, it misses nothing. */
	for (uint32_t i = 0; i < sent; i++) {
		lab_read_packet(deaf, i, 200000);
		look(l);
	}
	assert_int_equal(lab_send(l->carrier, peer, sent, 100), 0);
	lab_read_packet(deaf, sent, 100);
	assert_int_equal(counts(l).drops[TCP_DROP_UNSENT], 0);
	assert_int_equal(close(deaf), 0);
	assert_int_equal(close(other), 0);
}

static void
strangers_are_few(void **state)
{
	struct lab *l = *state;
	int fds[2 * TCP_SERVER_STRANGERS_MAX];
	int client;
	uint32_t peer = join(l, &client);
	uint32_t closed = 0;

	for (int i = 0; i < 2 * TCP_SERVER_STRANGERS_MAX; i++) {
		fds[i] = lab_connect(&l->address);
		/* A packet in its length, and nothing that the protocol knows. */
		if (i % 2 == 0)
			lab_write(fds[i], "\0\0\0\4what", 8);
		look(l);
	}
	assert_int_equal(counts(l).drops[TCP_DROP_CROWDED], TCP_SERVER_STRANGERS_MAX);
	for (int i = 0; i < 2 * TCP_SERVER_STRANGERS_MAX; i++) {
		closed += lab_closes(fds[i], 0);
		assert_int_equal(close(fds[i]), 0);
	}
	assert_int_equal(closed, TCP_SERVER_STRANGERS_MAX);
	/* Who had said something valid is not among them. */
	assert_int_equal(lab_send(l->carrier, peer, 0, 100), 0);
	lab_read_packet(client, 0, 100);
	assert_int_equal(close(client), 0);
}

static void
a_table_full_of_clients_takes_no_more(void **state)
{
	struct lab *l = *state;
	static int fds[TCP_SERVER_CONNECTIONS_MAX];
	int more;

	for (int i = 0; i < TCP_SERVER_CONNECTIONS_MAX; i++)
		(void)join(l, &fds[i]);
	more = lab_connect(&l->address);
	look(l);
	assert_true(lab_closes(more, LAB_WAIT_MS));
	assert_int_equal(counts(l).drops[TCP_DROP_CROWDED], 1);
	for (int i = 0; i < TCP_SERVER_CONNECTIONS_MAX; i++)
		assert_int_equal(close(fds[i]), 0);
	assert_int_equal(close(more), 0);
	look(l);
	(void)join(l, &more);
	assert_int_equal(close(more), 0);
}

static void
strangers_do_not_stay(void **state)
{
	struct lab *l = *state;
	int stranger = lab_connect(&l->address);
	int client;
	uint32_t peer = join(l, &client);

	if (l->carrier->calls->wait != NULL) {
		/* No packet has to come for it. */
		for (int i = 0; i < 20 && !lab_readable(stranger, 0); i++) {
			l->carrier->calls->wait(l->carrier, -1, 60000 * UINT64_C(1000000));
			(void)l->carrier->calls->poll(l->carrier, lab_take, &l->taken);
		}
	} else {
		for (int i = 0; i < 2 * TCP_SERVER_STRANGER_MS && !lab_readable(stranger, 1); i++)
			look(l);
	}
	assert_true(lab_closes(stranger, 0));
	assert_int_equal(counts(l).drops[TCP_DROP_SILENT], 1);
	assert_int_equal(lab_send(l->carrier, peer, 0, 100), 0);
	assert_int_equal(close(stranger), 0);
	assert_int_equal(close(client), 0);
}

static void
it_sleeps_until_something_happens(void **state)
{
	struct lab *l = *state;
	const uint64_t minute = 60 * UINT64_C(1000000000);
	int client, pipe_ends[2];
	uint64_t began;

	(void)join(l, &client);
	assert_int_equal(pipe(pipe_ends), 0);
	began = lab_now_ms();
	l->carrier->calls->wait(l->carrier, pipe_ends[0], 50000000);
	assert_in_range(lab_now_ms() - began, 40, 20000);
	/* A packet, the descriptor that was handed in, another one: each ends it. */
	lab_write(client, "\0\0\0\4what", 8);
	l->carrier->calls->wait(l->carrier, pipe_ends[0], minute);
	assert_int_equal(l->carrier->calls->poll(l->carrier, lab_take, &l->taken), 1);
	assert_int_equal(write(pipe_ends[1], "x", 1), 1);
	l->carrier->calls->wait(l->carrier, pipe_ends[0], minute);
	l->carrier->calls->wait(l->carrier, pipe_ends[0], minute);
	assert_int_equal(l->carrier->calls->poll(l->carrier, lab_take, &l->taken), 0);
	began = lab_now_ms();
	l->carrier->calls->wait(l->carrier, -1, 50000000);
	assert_in_range(lab_now_ms() - began, 40, 20000);
	assert_int_equal(close(pipe_ends[0]), 0);
	assert_int_equal(close(pipe_ends[1]), 0);
	assert_int_equal(close(client), 0);
}

static void
an_address_is_for_one_server(void **state)
{
	struct lab *l = *state;
	struct sockaddr_in elsewhere = l->address;

	assert_null(tcp_server_create(&l->address, TCP_BLOCK));
	/* Of documentation (RFC 5737): no interface has it. And all of them at once are not one. */
	elsewhere.sin_addr.s_addr = inet_addr("192.0.2.1");
	assert_null(tcp_server_create(&elsewhere, TCP_BLOCK));
	elsewhere.sin_addr.s_addr = htonl(INADDR_ANY);
	assert_null(tcp_server_create(&elsewhere, TCP_BLOCK));
}

#define BLOCK(f) cmocka_unit_test_setup_teardown(f, set_up_block, tear_down)
#define POLL(f) cmocka_unit_test_setup_teardown(f, set_up_poll, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
			BLOCK(an_answer_goes_to_who_asked),
			POLL(an_answer_goes_to_who_asked),
			BLOCK(a_late_answer_goes_to_nobody_else),
			POLL(a_late_answer_goes_to_nobody_else),
			BLOCK(one_that_never_reads_stops_nobody),
			POLL(one_that_never_reads_stops_nobody),
			BLOCK(strangers_are_few),
			POLL(strangers_are_few),
			BLOCK(a_table_full_of_clients_takes_no_more),
			BLOCK(strangers_do_not_stay),
			POLL(strangers_do_not_stay),
			BLOCK(it_sleeps_until_something_happens),
			BLOCK(an_address_is_for_one_server),
	};

	return cmocka_run_group_tests_name("store_tcp_server", tests, NULL, NULL);
}
