/* Packets over one TCP connection: how they are cut out of what comes, and how they leave. */
#include <sys/wait.h>

#include "tcp_lab.h"

struct wire {
	struct tcp_stream stream;
	int other; /* a bare socket */
	struct tcp_counts counts;
	struct lab_taken taken;
};

static int
set_up(void **state)
{
	struct wire *w = calloc(1, sizeof(*w));
	struct sockaddr_in a = lab_address();
	int listener = lab_listen(&a);
	int fd = lab_connect(&a);

	if (w == NULL)
		return -1;
	w->other = accept(listener, NULL, NULL);
	assert_true(w->other >= 0);
	assert_int_equal(close(listener), 0);
	assert_int_equal(tcp_stream_begin(&w->stream, fd), 0);
	w->taken.numbered = true;
	*state = w;
	return 0;
}

static int
tear_down(void **state)
{
	struct wire *w = *state;

	if (w->stream.fd >= 0)
		tcp_stream_end(&w->stream, &w->counts);
	if (w->other >= 0)
		(void)close(w->other);
	free(w);
	return 0;
}

static uint32_t
receive(struct wire *w)
{
	return tcp_stream_receive(&w->stream, 3, lab_take, &w->taken, &w->counts);
}

/* Looks until `count` packets have come in all. */
static void
receive_until(struct wire *w, uint32_t count)
{
	while (w->taken.count < count) {
		assert_true(lab_readable(w->stream.fd, LAB_WAIT_MS));
		(void)receive(w);
	}
	assert_int_equal(w->taken.count, count);
	assert_int_equal(w->taken.wrong, 0);
	assert_int_equal(w->taken.peer, 3);
}

static void
write_packet(struct wire *w, uint32_t number, uint32_t n)
{
	uint8_t *bytes = lab_packet(number, n);

	lab_write(w->other, bytes, TCP_STREAM_LENGTH_BYTES + (size_t)n);
	free(bytes);
}

static int
send_packet(struct wire *w, uint32_t number, uint32_t n)
{
	uint8_t *bytes = lab_packet(number, n);
	const struct iovec part = {.iov_base = bytes + TCP_STREAM_LENGTH_BYTES, .iov_len = n};
	int result = tcp_stream_send(&w->stream, &part, 1, &w->counts);

	free(bytes);
	return result;
}

static void
bytes_may_dribble(void **state)
{
	struct wire *w = *state;
	uint8_t *bytes = lab_packet(0, 100);

	for (size_t i = 0; i < TCP_STREAM_LENGTH_BYTES + 100; i++) {
		assert_int_equal(w->taken.count, 0);
		lab_write(w->other, bytes + i, 1);
		assert_true(lab_readable(w->stream.fd, LAB_WAIT_MS));
		assert_int_equal(receive(w), i == TCP_STREAM_LENGTH_BYTES + 99);
	}
	free(bytes);
	assert_int_equal(w->taken.count, 1);
	assert_int_equal(w->taken.bytes, 100);
	assert_int_equal(w->taken.wrong, 0);
	assert_int_equal(w->counts.rx_packets, 1);
	assert_int_equal(w->counts.rx_bytes, TCP_STREAM_LENGTH_BYTES + 100);
	assert_int_equal(receive(w), 0);
}

static void
packets_may_be_joined(void **state)
{
	struct wire *w = *state;
	/* Two whole ones and the beginning of a third in one write, then its end and a fourth. */
	static const uint32_t sizes[] = {70, 0, 3000, 57};
	uint8_t all[4096];
	size_t end = 0;

	for (uint32_t i = 0; i < 4; i++) {
		uint8_t *bytes = lab_packet(i, sizes[i]);

		memcpy(all + end, bytes, TCP_STREAM_LENGTH_BYTES + sizes[i]);
		end += TCP_STREAM_LENGTH_BYTES + sizes[i];
		free(bytes);
	}
	lab_write(w->other, all, 1000);
	receive_until(w, 2);
	lab_write(w->other, all + 1000, end - 1000);
	receive_until(w, 4);
	assert_int_equal(w->taken.bytes, 57);
}

/* Whatever stands before the longest packet, there is room for it. */
static void
the_longest_comes_behind_others(void **state)
{
	struct wire *w = *state;
	uint32_t number = 0;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		for (uint32_t i = 0; i < 20; i++) {
			write_packet(w, number++, 1 + i * 4000);
			write_packet(w, number++, TCP_STREAM_MOST);
		}
		_exit(0);
	}
	receive_until(w, 40);
	assert_int_equal(w->taken.bytes, TCP_STREAM_MOST);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void
a_length_that_makes_no_sense_ends_it(void **state)
{
	struct wire *w = *state;
	uint8_t length[TCP_STREAM_LENGTH_BYTES];

	write_packet(w, 0, 64);
	wire_put_be32(length, TCP_STREAM_MOST + 1);
	lab_write(w->other, length, sizeof(length));
	write_packet(w, 1, 64);
	while (w->stream.state == TCP_STREAM_OPEN)
		(void)receive(w);
	assert_int_equal(w->stream.state, TCP_STREAM_NONSENSE);
	assert_int_equal(w->taken.count, 1);
	assert_int_equal(receive(w), 0);
	assert_int_equal(send_packet(w, 0, 64), -ENOTCONN);
	tcp_stream_end(&w->stream, &w->counts);
	assert_int_equal(w->counts.drops[TCP_DROP_LENGTH], 1);
	assert_int_equal(w->counts.drops[TCP_DROP_CUT], 0);
	assert_true(lab_closes(w->other, LAB_WAIT_MS));
}

static void
a_packet_that_is_cut_off_is_counted(void **state)
{
	struct wire *w = *state;
	uint8_t *bytes = lab_packet(0, 100);

	lab_write(w->other, bytes, 50);
	free(bytes);
	assert_int_equal(close(w->other), 0);
	w->other = -1;
	while (w->stream.state == TCP_STREAM_OPEN)
		(void)receive(w);
	assert_int_equal(w->stream.state, TCP_STREAM_CLOSED);
	tcp_stream_end(&w->stream, &w->counts);
	assert_int_equal(w->counts.drops[TCP_DROP_CUT], 1);
	assert_int_equal(w->taken.count, 0);
}

/* Sends until one is kept back; returns how many were taken. */
static uint32_t
fill(struct wire *w, uint32_t n)
{
	uint32_t sent = 0;

	while (!tcp_stream_keeps(&w->stream))
		assert_int_equal(send_packet(w, sent++, n), 0);
	return sent;
}

static void
what_does_not_fit_leaves_later(void **state)
{
	struct wire *w = *state;
	uint32_t sent = fill(w, 100000);

	assert_int_equal(w->counts.kept, 1);
	assert_int_equal(send_packet(w, sent, 64), -EAGAIN);
	assert_int_equal(send_packet(w, sent, 64), -EAGAIN);
	assert_int_equal(w->counts.full, 2);
	assert_int_equal(w->counts.tx_packets, sent);
	for (uint32_t i = 0; i < sent; i++) {
		lab_read_packet(w->other, i, 100000);
		tcp_stream_flush(&w->stream, &w->counts);
	}
	assert_false(tcp_stream_keeps(&w->stream));
	assert_int_equal(send_packet(w, sent, 64), 0);
	lab_read_packet(w->other, sent, 64);
	assert_int_equal(w->counts.tx_bytes, sent * (uint64_t)(TCP_STREAM_LENGTH_BYTES + 100000) +
							     TCP_STREAM_LENGTH_BYTES + 64);
	tcp_stream_end(&w->stream, &w->counts);
	assert_int_equal(w->counts.drops[TCP_DROP_UNSENT], 0);
}

static void
what_never_left_is_counted(void **state)
{
	struct wire *w = *state;

	(void)fill(w, 100000);
	tcp_stream_end(&w->stream, &w->counts);
	assert_int_equal(w->counts.drops[TCP_DROP_UNSENT], 1);
	assert_int_equal(w->stream.fd, -1);
}

static void
a_peer_that_is_gone_is_told(void **state)
{
	struct wire *w = *state;

	assert_int_equal(close(w->other), 0);
	w->other = -1;
	/* The first one finds a connection that seems to stand. */
	for (int i = 0; i < 1000 && w->stream.state == TCP_STREAM_OPEN; i++) {
		(void)send_packet(w, 0, 64);
		(void)usleep(1000);
	}
	assert_int_equal(send_packet(w, 0, 64), -ENOTCONN);
}

static void
too_much_is_refused(void **state)
{
	struct wire *w = *state;
	struct iovec parts[9] = {
			{.iov_base = w, .iov_len = TCP_STREAM_MOST}, {.iov_base = w, .iov_len = 1}};

	assert_int_equal(tcp_stream_send(&w->stream, parts, 2, &w->counts), -EMSGSIZE);
	parts[0].iov_len = 1;
	assert_int_equal(tcp_stream_send(&w->stream, parts, 9, &w->counts), -EMSGSIZE);
	assert_int_equal(w->counts.tx_packets, 0);
}

#define RULE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
			RULE(bytes_may_dribble),
			RULE(packets_may_be_joined),
			RULE(the_longest_comes_behind_others),
			RULE(a_length_that_makes_no_sense_ends_it),
			RULE(a_packet_that_is_cut_off_is_counted),
			RULE(what_does_not_fit_leaves_later),
			RULE(what_never_left_is_counted),
			RULE(a_peer_that_is_gone_is_told),
			RULE(too_much_is_refused),
	};

	return cmocka_run_group_tests_name("store_tcp_stream", tests, NULL, NULL);
}
