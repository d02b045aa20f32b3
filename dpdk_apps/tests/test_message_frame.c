/* Records in frames: the pitfalls of crafting packets by hand. */
#include "unit.h"

#include "frame.h"
#include "outgoing.h"

#define TAG 0xa1b2c3d4u
#define SEQ 7
#define PORT 49152
#define LEAST_FRAME 60

static const struct frame_ends ends = {
		.src_mac = {{0x02, 0, 0, 0, 0, 0x65}},
		.dst_mac = {{0x02, 0, 0, 0, 0, 0x66}},
		.src_ip = FRAME_IP(198, 19, 0, 101),
		.dst_ip = FRAME_IP(198, 19, 0, 102),
		.dst_port = 9000,
};

/* A frame with a message of `bytes` bytes, padded as a NIC would; its length in `length`. */
static uint8_t *
craft(uint32_t bytes, size_t *length)
{
	struct frame_template t;
	struct message_plan p;
	struct outgoing o;
	uint32_t record;
	uint8_t *frame;

	assert_true(message_plan(&p, RECORD_BYTES, bytes, FRAME_MAX_PAYLOAD, TAG));
	assert_int_equal(outgoing_begin(&o, &p), 0);
	outgoing_make(&o, SEQ);
	record = message_plan_record_bytes(&p, 0);
	*length = FRAME_HEADER_BYTES + record;
	if (*length < LEAST_FRAME)
		*length = LEAST_FRAME;
	frame = calloc(1, *length);
	assert_non_null(frame);
	assert_int_equal(outgoing_record(&o, 0, frame + FRAME_HEADER_BYTES), record);
	frame_template_init(&t, &ends, (uint16_t)record);
	frame_finish(frame, &t, PORT);
	outgoing_end(&o);
	return frame;
}

/* Bodies of 1, 2 and 3 bytes make frames of 59, 60 and 61; 1455 and 1456 an MTU of 1499 and 1500.
 */
static void
every_length_is_told_and_not_guessed(void **state)
{
	static const uint32_t sizes[] = {1, 2, 3, 59, 60, 61, 1455, 1456};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t length;
		uint8_t *bytes = craft(sizes[i], &length);
		struct frame f;
		struct record r;

		assert_int_equal(frame_read(&f, bytes, length), FRAME_OK);
		assert_int_equal(f.payload_bytes, RECORD_HEADER_BYTES + sizes[i]);
		assert_int_equal(record_read(&r, f.payload, f.payload_bytes, record_tag(TAG)),
				RECORD_OK);
		assert_int_equal(r.length, sizes[i]);
		assert_null(payload_check(r.body, r.length, RECORD_BYTES, SEQ, TAG));
		free(bytes);
	}
}

/* What strlen() and the frame's length would have said of the same frames. */
static void
strlen_and_padding_would_be_wrong(void **state)
{
	size_t length;
	uint8_t *bytes = craft(1, &length);
	struct frame f;

	(void)state;
	assert_int_equal(length, LEAST_FRAME);
	assert_int_equal(frame_read(&f, bytes, length), FRAME_OK);
	assert_int_not_equal(length - FRAME_HEADER_BYTES, f.payload_bytes);
	free(bytes);
	bytes = craft(61, &length);
	assert_true(strlen((char *)bytes + FRAME_HEADER_BYTES + RECORD_HEADER_BYTES) <= 1);
	free(bytes);
}

/* A payload written at the beginning of the packet's data stands where the Ethernet header does. */
static void
a_payload_in_the_ethernet_header_is_refused(void **state)
{
	size_t length;
	uint8_t *bytes = craft(61, &length);
	struct frame f;

	(void)state;
	payload_write(bytes, 61, RECORD_BYTES, SEQ, TAG);
	assert_int_equal(frame_read(&f, bytes, length), FRAME_NOT_IPV4);
	free(bytes);
	/* As short as to leave the EtherType alone, it changes addresses, which the check of a
	 * frame does not cover: forwarders swap them. The record is not touched. */
	bytes = craft(61, &length);
	payload_write(bytes, 12, RECORD_BYTES, SEQ, TAG);
	assert_int_equal(frame_read(&f, bytes, length), FRAME_OK);
	free(bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(every_length_is_told_and_not_guessed),
			cmocka_unit_test(strlen_and_padding_would_be_wrong),
			cmocka_unit_test(a_payload_in_the_ethernet_header_is_refused),
	};

	return cmocka_run_group_tests_name("message_frame", tests, NULL, NULL);
}
