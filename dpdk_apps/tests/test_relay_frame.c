#include "unit.h"

#include <errno.h>
#include <sys/socket.h>

#include "relay_frame.h"

#define SIZE 100

static void
fill(uint8_t message[SIZE], uint8_t with)
{
	for (int i = 0; i < SIZE; i++)
		message[i] = (uint8_t)(with + i);
}

/* Thousands of frames through a socket that takes and gives them in odd pieces. */
static void
frames_come_out_as_they_went_in(void **state)
{
	struct byte_queue out = {0}, in = {0};
	uint64_t sent = 0;
	uint32_t put = 0, got = 0;
	uint8_t message[SIZE];
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	while (got < 5000) {
		struct relay_address of;
		const uint8_t *bytes;

		for (int i = 0; i < 7 && put < 5000; i++, put++) {
			fill(message, (uint8_t)put);
			assert_true(relay_frame_put(&out,
					(struct relay_address){put, put ^ 0xabcdef}, message,
					SIZE));
		}
		assert_int_not_equal(byte_queue_send(&out, ends[0], &sent), STREAM_FAILED);
		assert_int_not_equal(
				byte_queue_receive(&in, ends[1], 333 + got % 500), STREAM_FAILED);
		while (relay_frame_peek(&in, SIZE, &of, &bytes)) {
			assert_int_equal(of.place, got);
			assert_int_equal(of.generation, got ^ 0xabcdef);
			fill(message, (uint8_t)got);
			assert_memory_equal(bytes, message, SIZE);
			byte_queue_drop(&in, RELAY_HEADER_BYTES + SIZE);
			got++;
		}
	}
	assert_int_equal(byte_queue_length(&out) + byte_queue_length(&in), 0);
	assert_int_equal(sent, 5000 * (RELAY_HEADER_BYTES + SIZE));
	byte_queue_free(&out);
	byte_queue_free(&in);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void
a_frame_in_parts_is_none_until_it_is_whole(void **state)
{
	struct byte_queue from = {0}, to = {0};
	struct relay_address of = {1, 2};
	const uint8_t *bytes;
	uint8_t message[SIZE];

	(void)state;
	fill(message, 3);
	assert_false(relay_frame_peek(&to, SIZE, &of, &bytes));
	assert_true(relay_frame_put(&from, of, message, SIZE));
	for (size_t i = 0; i < RELAY_HEADER_BYTES + SIZE; i++) {
		assert_false(relay_frame_peek(&to, SIZE, &of, &bytes));
		*byte_queue_room(&to, 1) = byte_queue_first(&from)[i];
		byte_queue_added(&to, 1);
	}
	assert_true(relay_frame_peek(&to, SIZE, &of, &bytes));
	assert_memory_equal(bytes, message, SIZE);
	byte_queue_free(&from);
	byte_queue_free(&to);
}

static void
a_full_socket_keeps_the_rest_and_a_closed_one_is_told(void **state)
{
	struct byte_queue q = {0};
	uint64_t sent = 0;
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	assert_int_equal(byte_queue_receive(&q, ends[0], 10), STREAM_NOTHING);
	memset(byte_queue_room(&q, 4 << 20), 0, 4 << 20);
	byte_queue_added(&q, 4 << 20);
	assert_int_equal(byte_queue_send(&q, ends[0], &sent), STREAM_MOVED);
	assert_true(sent > 0 && sent < 4 << 20);
	assert_int_equal(byte_queue_length(&q) + sent, 4 << 20);
	assert_int_equal(byte_queue_send(&q, ends[0], &sent), STREAM_NOTHING);
	assert_int_equal(close(ends[1]), 0);
	assert_int_equal(byte_queue_send(&q, ends[0], &sent), STREAM_CLOSED);
	byte_queue_free(&q);
	(void)close(ends[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(frames_come_out_as_they_went_in),
			cmocka_unit_test(a_frame_in_parts_is_none_until_it_is_whole),
			cmocka_unit_test(a_full_socket_keeps_the_rest_and_a_closed_one_is_told),
	};

	return cmocka_run_group_tests_name("relay_frame", tests, NULL, NULL);
}
