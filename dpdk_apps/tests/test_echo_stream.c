#include "unit.h"

#include <errno.h>
#include <sys/socket.h>

#include "clock.h"
#include "echo_stream.h"

#define SIZE 100

struct fixture {
	int peer;
	struct echo_stream echo;
};

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int ends[2];

	if (f == NULL || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0)
		return -1;
	f->peer = ends[0];
	*state = f;
	return echo_stream_begin(&f->echo, ends[1], SIZE);
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	if (f->peer >= 0)
		(void)close(f->peer);
	echo_stream_end(&f->echo);
	free(f);
	return 0;
}

/* What the peer reads now, at most `size` bytes. */
static size_t
read_back(struct fixture *f, uint8_t *to, size_t size)
{
	ssize_t n = recv(f->peer, to, size, MSG_DONTWAIT);

	return n > 0 ? (size_t)n : 0;
}

static void
parts_wait_until_they_are_whole(void **state)
{
	struct fixture *f = *state;
	uint8_t out[3 * SIZE], back[3 * SIZE];

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 7);
	assert_int_equal(echo_stream_step(&f->echo, 0), ECHO_NOTHING);
	assert_int_equal(send(f->peer, out, 60, 0), 60);
	assert_int_equal(echo_stream_step(&f->echo, 0), ECHO_WORKED);
	assert_int_equal(read_back(f, back, sizeof(back)), 0);
	assert_int_equal(echo_stream_received(&f->echo), 0);
	/* The rest of the first, the whole second and a part of the third: two go back in one
	 * piece. */
	assert_int_equal(send(f->peer, out + 60, 190, 0), 190);
	assert_int_equal(echo_stream_step(&f->echo, 0), ECHO_WORKED);
	assert_int_equal(read_back(f, back, sizeof(back)), 200);
	assert_int_equal(echo_stream_received(&f->echo), 2);
	assert_int_equal(send(f->peer, out + 250, 50, 0), 50);
	assert_int_equal(echo_stream_step(&f->echo, 0), ECHO_WORKED);
	assert_int_equal(read_back(f, back + 200, 100), 100);
	assert_memory_equal(back, out, sizeof(out));
	assert_int_equal(echo_stream_received(&f->echo), 3);
	assert_int_equal(echo_stream_returned(&f->echo), 3);
}

/* A peer that sends and does not read: the echo stops reading, and loses nothing. */
static void
a_peer_that_does_not_read_stops_the_echo(void **state)
{
	struct fixture *f = *state;
	uint8_t byte_out = 0, byte_back = 0;
	uint8_t out[997], back[4096];
	uint64_t sent = 0, got = 0;
	enum echo_result result = ECHO_NOTHING;

	for (int i = 0; i < 100000 && result != ECHO_FULL; i++) {
		ssize_t n;

		for (size_t k = 0; k < sizeof(out); k++)
			out[k] = (uint8_t)(byte_out + k);
		n = send(f->peer, out, sizeof(out), MSG_DONTWAIT);
		if (n > 0) {
			byte_out = (uint8_t)(byte_out + n);
			sent += (uint64_t)n;
		}
		result = echo_stream_step(&f->echo, 0);
		assert_true(result == ECHO_WORKED || result == ECHO_FULL || result == ECHO_NOTHING);
	}
	assert_int_equal(result, ECHO_FULL);
	assert_int_equal(echo_stream_step(&f->echo, 0), ECHO_FULL);
	for (int i = 0; i < 100000 && got < sent - sent % SIZE; i++) {
		size_t n = read_back(f, back, sizeof(back));

		for (size_t k = 0; k < n; k++)
			assert_int_equal(back[k], byte_back++);
		got += n;
		(void)echo_stream_step(&f->echo, 0);
	}
	assert_int_equal(got, sent - sent % SIZE);
	assert_int_equal(f->echo.rx_bytes, sent);
	assert_int_equal(f->echo.tx_bytes, got);
}

static void
closed_peers_are_told(void **state)
{
	struct fixture *f = *state;
	uint8_t out[SIZE] = {0};

	assert_int_equal(send(f->peer, out, SIZE, 0), SIZE);
	assert_int_equal(close(f->peer), 0);
	f->peer = -1;
	/* It came, and cannot go back: the difference is what the server counts as dropped. */
	assert_int_equal(echo_stream_step(&f->echo, 0), ECHO_FAILED);
	assert_int_equal(errno, EPIPE);
	assert_int_equal(echo_stream_received(&f->echo), 1);
	assert_int_equal(echo_stream_returned(&f->echo), 0);
}

static void
end_of_file_is_told(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(shutdown(f->peer, SHUT_WR), 0);
	assert_int_equal(echo_stream_step(&f->echo, 0), ECHO_CLOSED);
}

static void
delay_is_kept(void **state)
{
	struct fixture *f = *state;
	double ticks_per_s = clock_calibrate(5);
	uint64_t delay = (uint64_t)(ticks_per_s * 500e-6);
	uint8_t out[SIZE] = {0};
	uint64_t begin = clock_ticks();

	assert_int_equal(send(f->peer, out, SIZE, 0), SIZE);
	assert_int_equal(echo_stream_step(&f->echo, delay), ECHO_WORKED);
	assert_true(clock_ticks() - begin >= delay);
	assert_int_equal(read_back(f, out, SIZE), SIZE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
			TEST(parts_wait_until_they_are_whole),
			TEST(a_peer_that_does_not_read_stops_the_echo),
			TEST(closed_peers_are_told),
			TEST(end_of_file_is_told),
			TEST(delay_is_kept),
	};

	return cmocka_run_group_tests_name("echo_stream", tests, NULL, NULL);
}
