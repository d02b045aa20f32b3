/* Frames of a fixed path: what is written is what is recognised, and nothing else. */
#include "unit.h"

#include "frame_path.h"

#define SOURCE_PORT 49152
#define SERVER_PORT 7100

static const struct frame_ends ends = {
		.src_mac = {{0x02, 0, 0, 0, 0, 0x65}},
		.dst_mac = {{0x02, 0, 0, 0, 0, 0x66}},
		.src_ip = FRAME_IP(198, 19, 0, 101),
		.dst_ip = FRAME_IP(198, 19, 0, 102),
		.dst_port = SERVER_PORT,
};

/* A frame in memory of exactly its size, so that ASan sees a byte too far. */
static uint8_t *
make(struct frame_path *path, uint16_t payload_bytes)
{
	uint8_t *frame = malloc(FRAME_HEADER_BYTES + (size_t)payload_bytes);

	assert_non_null(frame);
	frame_path_init(path, &ends, SOURCE_PORT);
	memset(frame + FRAME_HEADER_BYTES, 0x5a, payload_bytes);
	frame_path_write(frame, path, payload_bytes);
	return frame;
}

/* Read by the code that knows no path: headers, lengths and the IP checksum are right. */
static void
a_written_frame_is_a_frame(void **state)
{
	static const uint16_t sizes[] = {0, 1, 64, 1472,
			FRAME_MTU_MAX - sizeof(struct rte_ipv4_hdr) - sizeof(struct rte_udp_hdr)};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct frame_path path;
		uint8_t *frame = make(&path, sizes[i]);
		uint16_t payload_bytes = 0;
		struct frame f;

		assert_int_equal(frame_read(&f, frame, FRAME_HEADER_BYTES + (size_t)sizes[i]),
				FRAME_OK);
		assert_int_equal(f.payload_bytes, sizes[i]);
		assert_int_equal(f.src_ip, ends.src_ip);
		assert_int_equal(f.dst_ip, ends.dst_ip);
		assert_int_equal(f.src_port, SOURCE_PORT);
		assert_int_equal(f.dst_port, SERVER_PORT);
		assert_true(frame_path_is(&path, frame, FRAME_HEADER_BYTES + (size_t)sizes[i],
				&payload_bytes));
		assert_int_equal(payload_bytes, sizes[i]);
		free(frame);
	}
}

/* One bit of the header that is another makes it a frame of somebody else, or none. */
static void
every_bit_of_the_header_counts(void **state)
{
	struct frame_path path;
	uint8_t *frame = make(&path, 64);
	uint16_t payload_bytes;

	(void)state;
	for (size_t bit = 0; bit < 8 * FRAME_HEADER_BYTES; bit++) {
		frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(frame_path_is(&path, frame, FRAME_HEADER_BYTES + 64, &payload_bytes));
		frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_true(frame_path_is(&path, frame, FRAME_HEADER_BYTES + 64, &payload_bytes));
	free(frame);
}

/* One that was cut off is none; what follows the packet, as a short frame is filled up, is no part
 * of it. */
static void
lengths_are_those_of_the_packet(void **state)
{
	struct frame_path path;
	uint8_t *frame = make(&path, 64);
	uint8_t *filled;
	uint16_t payload_bytes = 0;

	(void)state;
	for (size_t n = 0; n < FRAME_HEADER_BYTES + 64; n++)
		assert_false(frame_path_is(&path, frame, n, &payload_bytes));
	free(frame);
	frame = make(&path, 4);
	filled = calloc(1, 60);
	assert_non_null(filled);
	memcpy(filled, frame, FRAME_HEADER_BYTES + 4);
	assert_true(frame_path_is(&path, filled, 60, &payload_bytes));
	assert_int_equal(payload_bytes, 4);
	free(filled);
	free(frame);
}

/* A path remembers the last header: one of another length is right as well, one that is right but
 * for its length is none, and the next is recognised all the same. */
static void
lengths_may_change_with_every_frame(void **state)
{
	static const uint16_t sizes[] = {64, 1472, 0, 64, 64, 9, 1472};
	struct frame_path out, in;

	(void)state;
	frame_path_init(&out, &ends, SOURCE_PORT);
	frame_path_init(&in, &ends, SOURCE_PORT);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint8_t frame[FRAME_HEADER_BYTES + 1500] = {0};
		uint16_t payload_bytes = 0;
		struct frame f;

		frame_path_write(frame, &out, sizes[i]);
		assert_int_equal(frame_read(&f, frame, FRAME_HEADER_BYTES + (size_t)sizes[i]),
				FRAME_OK);
		frame[FRAME_AT_IP_LENGTH + 1] ^= 1;
		assert_false(frame_path_is(&in, frame, sizeof(frame), &payload_bytes));
		frame[FRAME_AT_IP_LENGTH + 1] ^= 1;
		assert_true(frame_path_is(&in, frame, sizeof(frame), &payload_bytes));
		assert_int_equal(payload_bytes, sizes[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(a_written_frame_is_a_frame),
			cmocka_unit_test(every_bit_of_the_header_counts),
			cmocka_unit_test(lengths_are_those_of_the_packet),
			cmocka_unit_test(lengths_may_change_with_every_frame),
	};

	return cmocka_run_group_tests_name("frame_path", tests, NULL, NULL);
}
