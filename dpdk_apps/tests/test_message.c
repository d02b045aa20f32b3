#include "unit.h"

#include "message.h"

#define TAG 0xa1b2c3d4u

static void
comes_back_as_written(void **state)
{
	(void)state;
	for (uint32_t length = MESSAGE_MIN_BYTES; length < 200; length++) {
		/* Exactly as long as the message, so that a sanitizer sees a byte too far. */
		uint8_t *bytes = malloc(length);
		struct message m = {.seq = 0x0102030405060708u + length,
				.flow = 7,
				.length = length,
				.tag = TAG};
		struct message back;

		message_write(bytes, &m);
		assert_int_equal(message_read(&back, bytes, length, TAG), MESSAGE_OK);
		assert_int_equal(back.seq, m.seq);
		assert_int_equal(back.flow, m.flow);
		assert_int_equal(back.length, m.length);
		free(bytes);
	}
}

/* The wire must not change: two builds of different days may meet. */
static void
golden_bytes(void **state)
{
	static const uint8_t golden[35] = {0x31, 0x4d, 0x4c, 0x44, 0x04, 0x03, 0x02, 0x01, 0x88,
			0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0x23, 0x00, 0x00, 0x00, 0xd4,
			0xc3, 0xb2, 0xa1, 0x08, 0x80, 0xfa, 0xa8, 0xb6, 0x86, 0x41, 0xd0, 0x1d,
			0xfc, 0x44};
	struct message m = {
			.seq = 0x1122334455667788u, .flow = 0x01020304u, .length = 35, .tag = TAG};
	uint8_t bytes[35];

	(void)state;
	message_write(bytes, &m);
	assert_memory_equal(bytes, golden, sizeof(golden));
}

static void
every_flipped_bit_is_found(void **state)
{
	static const uint32_t lengths[] = {32, 33, 39, 64, 1476};

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		uint8_t bytes[1476];
		struct message m = {.seq = 99, .flow = 3, .length = lengths[i], .tag = TAG};
		struct message back;

		message_write(bytes, &m);
		for (uint32_t bit = 0; bit < lengths[i] * 8; bit++) {
			enum message_error error;

			bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
			error = message_read(&back, bytes, lengths[i], TAG);
			assert_int_not_equal(error, MESSAGE_OK);
			/* Only magic and tag make it another's; a length beyond the packet makes it
			 * short. */
			if (bit / 8 < 4 || (bit / 8 >= 20 && bit / 8 < 24))
				assert_int_equal(error, MESSAGE_FOREIGN);
			else if (bit / 8 < 16 || bit / 8 >= 24)
				assert_int_equal(error, MESSAGE_CORRUPT);
			bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		assert_int_equal(message_read(&back, bytes, lengths[i], TAG), MESSAGE_OK);
	}
}

static void
short_ones_are_told_from_corrupt_ones(void **state)
{
	uint8_t bytes[64];
	struct message m = {.seq = 5, .flow = 0, .length = 64, .tag = TAG};
	struct message back;

	(void)state;
	message_write(bytes, &m);
	assert_int_equal(message_read(&back, bytes, 63, TAG), MESSAGE_SHORT);
	assert_int_equal(message_read(&back, bytes, MESSAGE_HEADER_BYTES - 1, TAG), MESSAGE_SHORT);
	assert_int_equal(message_read(&back, bytes, 0, TAG), MESSAGE_SHORT);
	assert_int_equal(message_peek(&back, bytes, MESSAGE_HEADER_BYTES, TAG), MESSAGE_OK);
	assert_int_equal(back.length, 64);
	assert_int_equal(message_read(&back, bytes, 64, TAG + 1), MESSAGE_FOREIGN);
}

/* A body of one message under the header of another: what a data path that mixes buffers up would
 * give. */
static void
a_body_of_another_message_is_found(void **state)
{
	uint8_t one[64], other[64];
	struct message m = {.seq = 10, .flow = 1, .length = 64, .tag = TAG};
	struct message n = {.seq = 11, .flow = 1, .length = 64, .tag = TAG};
	struct message back;

	(void)state;
	message_write(one, &m);
	message_write(other, &n);
	memcpy(one + MESSAGE_HEADER_BYTES, other + MESSAGE_HEADER_BYTES, 64 - MESSAGE_HEADER_BYTES);
	assert_int_equal(message_read(&back, one, 64, TAG), MESSAGE_CORRUPT);
}

/* Below MESSAGE_MIN_BYTES there is no room for a header: what both ends know is left out. */
static void
short_ones_come_back_as_written(void **state)
{
	(void)state;
	for (uint32_t length = MESSAGE_SHORT_MIN_BYTES; length < MESSAGE_MIN_BYTES; length++) {
		uint8_t *bytes = malloc(length);
		struct message m = {.seq = 0xfedcba98u - length, .length = length, .tag = TAG};
		struct message back;

		assert_non_null(bytes);
		message_write(bytes, &m);
		assert_int_equal(message_read_sized(&back, bytes, length, length, TAG), MESSAGE_OK);
		assert_int_equal(back.seq, m.seq);
		assert_int_equal(back.length, length);
		assert_int_equal(back.flow, 0);
		assert_int_equal(message_read_sized(&back, bytes, length - 1, length, TAG),
				MESSAGE_SHORT);
		assert_int_equal(message_read_sized(&back, bytes, length, length, TAG + 1),
				MESSAGE_FOREIGN);
		free(bytes);
	}
}

static void
short_golden_bytes(void **state)
{
	static const uint8_t golden[12] = {
			0x04, 0x03, 0x02, 0x01, 0x66, 0x62, 0x54, 0xf4, 0xf6, 0x56, 0x66, 0xf8};
	struct message m = {.seq = 0x01020304u, .length = 12, .tag = TAG};
	uint8_t bytes[12];

	(void)state;
	message_write(bytes, &m);
	assert_memory_equal(bytes, golden, sizeof(golden));
}

/* Sixteen bits of check miss one wrong number in 65,536; of those that differ in one bit they miss
 * none here. */
static void
every_flipped_bit_of_a_short_one_is_found(void **state)
{
	(void)state;
	for (uint32_t length = MESSAGE_SHORT_MIN_BYTES; length < MESSAGE_MIN_BYTES; length++) {
		uint8_t bytes[MESSAGE_MIN_BYTES];
		struct message m = {.seq = 99, .length = length, .tag = TAG};
		struct message back;

		message_write(bytes, &m);
		for (uint32_t bit = 0; bit < length * 8; bit++) {
			bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
			assert_int_equal(message_read_sized(&back, bytes, length, length, TAG),
					bit / 8 == 4 || bit / 8 == 5 ? MESSAGE_FOREIGN
								     : MESSAGE_CORRUPT);
			bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
	}
}

/* Random numbers under a check that is another's: about one in 65,536 passes, not more. */
static void
a_wrong_number_seldom_passes(void **state)
{
	uint8_t bytes[MESSAGE_SHORT_MIN_BYTES];
	struct message m = {.seq = 7, .length = MESSAGE_SHORT_MIN_BYTES, .tag = TAG};
	struct message back;
	int passed = 0;

	(void)state;
	message_write(bytes, &m);
	for (uint32_t i = 1; i <= 1u << 20; i++) {
		uint32_t seq = 7u + i * 2654435761u;

		memcpy(bytes, &seq, sizeof(seq));
		passed += message_read_sized(&back, bytes, sizeof(bytes), sizeof(bytes), TAG) ==
			  MESSAGE_OK;
	}
	assert_true(passed < 48); /* 16 are expected */
}

static void
a_long_one_of_another_size_is_corrupt(void **state)
{
	uint8_t bytes[64];
	struct message m = {.seq = 5, .length = 48, .tag = TAG};
	struct message back;

	(void)state;
	message_write(bytes, &m);
	assert_int_equal(message_read_sized(&back, bytes, 64, 48, TAG), MESSAGE_OK);
	assert_int_equal(message_read_sized(&back, bytes, 64, 64, TAG), MESSAGE_CORRUPT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(comes_back_as_written),
			cmocka_unit_test(golden_bytes),
			cmocka_unit_test(every_flipped_bit_is_found),
			cmocka_unit_test(short_ones_are_told_from_corrupt_ones),
			cmocka_unit_test(a_body_of_another_message_is_found),
			cmocka_unit_test(short_ones_come_back_as_written),
			cmocka_unit_test(short_golden_bytes),
			cmocka_unit_test(every_flipped_bit_of_a_short_one_is_found),
			cmocka_unit_test(a_wrong_number_seldom_passes),
			cmocka_unit_test(a_long_one_of_another_size_is_corrupt),
	};

	return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
