#include "unit.h"

#include "frame.h"

#define SOURCE_PORT 49155

/* Made by hand from RFC 791 and RFC 768, not by the code under test; the payload's length is odd.
 */
static const uint8_t golden[] = {0x02, 0x00, 0x00, 0x00, 0x00, 0x66, 0x02, 0x00, 0x00, 0x00, 0x00,
		0x65, 0x08, 0x00, 0x45, 0x00, 0x00, 0x25, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0xad,
		0xd6, 0xc6, 0x13, 0x00, 0x65, 0xc6, 0x13, 0x00, 0x66, 0xc0, 0x03, 0x23, 0x28, 0x00,
		0x11, 0xfb, 0x29, 0x44, 0x4c, 0x4d, 0x31, 0x01, 0x02, 0x03, 0x04, 0xff};

#define GOLDEN_PAYLOAD (sizeof(golden) - FRAME_HEADER_BYTES)

static const struct frame_ends ends = {
		.src_mac = {{0x02, 0, 0, 0, 0, 0x65}},
		.dst_mac = {{0x02, 0, 0, 0, 0, 0x66}},
		.src_ip = FRAME_IP(198, 19, 0, 101),
		.dst_ip = FRAME_IP(198, 19, 0, 102),
		.dst_port = 9000,
};

/* A frame with `length` bytes of payload in memory of exactly its size, so that ASan sees a byte
 * too far. */
static uint8_t *
make(size_t length, uint16_t port)
{
	struct frame_template t;
	uint8_t *frame = malloc(FRAME_HEADER_BYTES + length);

	assert_non_null(frame);
	for (size_t i = 0; i < length; i++)
		frame[FRAME_HEADER_BYTES + i] = (uint8_t)(i * 7 + port);
	frame_template_init(&t, &ends, (uint16_t)length);
	frame_finish(frame, &t, port);
	return frame;
}

static void
a_frame_has_the_golden_bytes(void **state)
{
	struct frame_template t;
	uint8_t frame[sizeof(golden)];

	(void)state;
	memset(frame, 0, sizeof(frame));
	memcpy(frame + FRAME_HEADER_BYTES, golden + FRAME_HEADER_BYTES, GOLDEN_PAYLOAD);
	frame_template_init(&t, &ends, GOLDEN_PAYLOAD);
	frame_finish(frame, &t, SOURCE_PORT);
	assert_memory_equal(frame, golden, sizeof(golden));
}

static void
a_golden_frame_is_read(void **state)
{
	struct frame f;

	(void)state;
	assert_int_equal(frame_read(&f, golden, sizeof(golden)), FRAME_OK);
	assert_int_equal(f.src_ip, ends.src_ip);
	assert_int_equal(f.dst_ip, ends.dst_ip);
	assert_int_equal(f.src_port, SOURCE_PORT);
	assert_int_equal(f.dst_port, ends.dst_port);
	assert_int_equal(f.payload_bytes, GOLDEN_PAYLOAD);
	assert_ptr_equal(f.payload, golden + FRAME_HEADER_BYTES);
}

static void
all_lengths_and_many_ports_survive(void **state)
{
	(void)state;
	for (size_t length = 0; length <= FRAME_MAX_PAYLOAD; length++) {
		uint16_t port = (uint16_t)(49152 + length * 11);
		uint8_t *frame = make(length, port);
		struct frame f;

		assert_int_equal(frame_read(&f, frame, FRAME_HEADER_BYTES + length), FRAME_OK);
		assert_int_equal(f.payload_bytes, length);
		assert_int_equal(f.src_port, port);
		free(frame);
	}
}

static void
padding_is_ignored(void **state)
{
	uint8_t padded[64] = {0};
	struct frame f;

	(void)state;
	memcpy(padded, golden, sizeof(golden));
	memset(padded + sizeof(golden), 0xee, sizeof(padded) - sizeof(golden));
	assert_int_equal(frame_read(&f, padded, sizeof(padded)), FRAME_OK);
	assert_int_equal(f.payload_bytes, GOLDEN_PAYLOAD);
}

/* A sum of 0 is sent as ffff (RFC 768): this payload makes it 0. */
static void
a_checksum_of_zero_is_sent_as_ones(void **state)
{
	struct frame_template t;
	struct frame f;
	uint8_t frame[FRAME_HEADER_BYTES + 2];

	(void)state;
	frame[FRAME_HEADER_BYTES] = 0x8f;
	frame[FRAME_HEADER_BYTES + 1] = 0xbf;
	frame_template_init(&t, &ends, 2);
	frame_finish(frame, &t, 49152);
	assert_int_equal(frame[40], 0xff);
	assert_int_equal(frame[41], 0xff);
	assert_int_equal(frame_read(&f, frame, sizeof(frame)), FRAME_OK);
}

static void
every_flipped_bit_behind_the_macs_is_noticed(void **state)
{
	size_t length = FRAME_HEADER_BYTES + 33;
	uint8_t *frame = make(33, SOURCE_PORT);
	struct frame f;

	(void)state;
	for (size_t bit = 2 * RTE_ETHER_ADDR_LEN * 8; bit < length * 8; bit++) {
		frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_not_equal(frame_read(&f, frame, length), FRAME_OK);
		frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_int_equal(frame_read(&f, frame, length), FRAME_OK);
	free(frame);
}

/* Each cut of a frame, in memory of exactly that size. */
static void
every_cut_frame_is_short(void **state)
{
	(void)state;
	for (size_t length = 0; length < sizeof(golden); length++) {
		uint8_t *cut = malloc(length > 0 ? length : 1);
		struct frame f;

		assert_non_null(cut);
		memcpy(cut, golden, length);
		assert_int_equal(frame_read(&f, cut, length), FRAME_SHORT);
		free(cut);
	}
}

/* Sets 16 bits of the golden frame and mends the IP checksum, so that the reason under test is the
 * only one. */
static enum frame_error
read_changed(size_t offset, uint16_t value)
{
	uint8_t frame[sizeof(golden)];
	rte_be16_t big = rte_cpu_to_be_16(value);
	rte_be16_t sum;
	struct frame f;

	memcpy(frame, golden, sizeof(golden));
	memcpy(frame + offset, &big, sizeof(big));
	memset(frame + 24, 0, sizeof(sum));
	sum = (rte_be16_t)~rte_raw_cksum(frame + 14, 20);
	memcpy(frame + 24, &sum, sizeof(sum));
	return frame_read(&f, frame, sizeof(frame));
}

static void
each_reason_is_told(void **state)
{
	(void)state;
	assert_int_equal(read_changed(12, 0x0806), FRAME_NOT_IPV4); /* ARP */
	assert_int_equal(read_changed(14, 0x4600), FRAME_NOT_IPV4); /* with options */
	assert_int_equal(read_changed(14, 0x6500), FRAME_NOT_IPV4); /* version 6 */
	assert_int_equal(read_changed(20, 0x2000), FRAME_NOT_IPV4); /* more fragments */
	assert_int_equal(read_changed(20, 0x0001), FRAME_NOT_IPV4); /* a later fragment */
	assert_int_equal(read_changed(22, 0x4006), FRAME_NOT_UDP);  /* TCP */
	assert_int_equal(read_changed(16, 0x0026), FRAME_SHORT);    /* IP length beyond the frame */
	assert_int_equal(read_changed(16, 0x0024), FRAME_BAD_LENGTH); /* IP shorter than UDP says */
	assert_int_equal(read_changed(38, 0x0007),
			FRAME_BAD_LENGTH); /* UDP shorter than its header */
	assert_int_equal(read_changed(38, 0xffff), FRAME_BAD_LENGTH);
	assert_int_equal(read_changed(40, 0x1234), FRAME_BAD_UDP_SUM);
	assert_int_equal(read_changed(40, 0x0000), FRAME_OK); /* no checksum was made */
}

static void
macs_are_swapped_and_nothing_else(void **state)
{
	uint8_t frame[sizeof(golden)];

	(void)state;
	memcpy(frame, golden, sizeof(golden));
	frame_swap_macs(frame);
	assert_memory_equal(frame, golden + 6, 6);
	assert_memory_equal(frame + 6, golden, 6);
	assert_memory_equal(frame + 12, golden + 12, sizeof(golden) - 12);
}

static void
every_error_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < FRAME_ERRORS; i++)
		for (int j = 0; j < i; j++)
			assert_string_not_equal(frame_error_name((enum frame_error)i),
					frame_error_name((enum frame_error)j));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(a_frame_has_the_golden_bytes),
			cmocka_unit_test(a_golden_frame_is_read),
			cmocka_unit_test(all_lengths_and_many_ports_survive),
			cmocka_unit_test(padding_is_ignored),
			cmocka_unit_test(a_checksum_of_zero_is_sent_as_ones),
			cmocka_unit_test(every_flipped_bit_behind_the_macs_is_noticed),
			cmocka_unit_test(every_cut_frame_is_short),
			cmocka_unit_test(each_reason_is_told),
			cmocka_unit_test(macs_are_swapped_and_nothing_else),
			cmocka_unit_test(every_error_has_a_name_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
