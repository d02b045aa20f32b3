#include "unit.h"

#include "mix64.h"
#include "payload.h"
#include "record.h"
#include "record_stream.h"

#define TAG 0xa1b2c3d4u
#define SEQ 0x01020304u
#define FUZZ_ROUNDS 200000

/* Made by the Python side, which was written from docs/message-format.md; it tests these too. */
static const uint8_t golden_struct[] = {0x44, 0x4d, 0x01, 0x02, 0x00, 0x35, 0x62, 0x66, 0x01, 0x02,
		0x03, 0x04, 0x70, 0x19, 0x35, 0x6f, 0x00, 0x01, 0x02, 0x04, 0xa1, 0xb2, 0xc3, 0xd4,
		0x35, 0xa5, 0xad, 0x6d, 0x2e, 0x5b, 0x3b, 0x2a, 0xff, 0xff, 0xf0, 0x9f, 0x0a, 0x76,
		0x2d, 0xf3, 0x41, 0x30, 0xfe, 0x20, 0x80, 0x00, 0x00, 0x00, 0x6d, 0x65, 0x73, 0x73,
		0x61, 0x67, 0x65, 0x20, 0x30, 0x31, 0x30, 0x32, 0x30, 0x33, 0x30, 0x34, 0x6a, 0x00,
		0xcd, 0xa2, 0xca};
static const uint8_t golden_fragment[] = {0x44, 0x4d, 0x01, 0x03, 0x00, 0x04, 0x62, 0x66, 0x01,
		0x02, 0x03, 0x04, 0x6a, 0xa3, 0x91, 0xf7, 0x00, 0x00, 0x00, 0x64, 0x00, 0x00, 0x00,
		0x60, 0x00, 0x02, 0x00, 0x03, 0x00, 0xff, 0x7f, 0x80};

/* A record with `n` bytes of body in memory of exactly its size, so that ASan sees a byte too far.
 */
static uint8_t *
make(enum record_type type, uint16_t n, uint32_t seq)
{
	struct record r = {.type = type,
			.length = n,
			.tag = record_tag(TAG),
			.seq = seq,
			.total = n,
			.count = 1};
	uint8_t *bytes = malloc(record_bytes(&r));

	assert_non_null(bytes);
	payload_write(bytes + record_header_bytes(type), n, type, seq, TAG);
	assert_int_equal(record_finish(bytes, &r), record_bytes(&r));
	return bytes;
}

static void
golden_bytes_are_written(void **state)
{
	uint8_t bytes[sizeof(golden_struct)];
	struct record fragment = {.type = RECORD_LARGE,
			.length = 4,
			.tag = record_tag(TAG),
			.seq = SEQ,
			.total = 100,
			.offset = 96,
			.index = 2,
			.count = 3};
	uint8_t *made = make(RECORD_STRUCT, 53, SEQ);

	(void)state;
	assert_memory_equal(made, golden_struct, sizeof(golden_struct));
	free(made);
	memcpy(bytes + RECORD_LARGE_HEADER_BYTES, "\x00\xff\x7f\x80", 4);
	assert_int_equal(record_finish(bytes, &fragment), sizeof(golden_fragment));
	assert_memory_equal(bytes, golden_fragment, sizeof(golden_fragment));
}

static void
golden_bytes_are_read(void **state)
{
	struct record r;
	struct reading reading;

	(void)state;
	assert_int_equal(record_read(&r, golden_struct, sizeof(golden_struct), record_tag(TAG)),
			RECORD_OK);
	assert_int_equal(r.type, RECORD_STRUCT);
	assert_int_equal(r.seq, SEQ);
	assert_int_equal(r.length, 53);
	assert_int_equal(r.total, 53);
	assert_int_equal(r.count, 1);
	reading_read(&reading, r.body);
	assert_int_equal(reading.version, 1);
	assert_int_equal(reading.kind, RECORD_STRUCT);
	assert_int_equal(reading.flags, 4);
	assert_int_equal(reading.source, TAG);
	assert_int_equal(reading.count, 3865686539608210218);
	assert_int_equal(reading.delta, -16909110727181);
	assert_true(reading.level == 1113632.5);
	assert_memory_equal(reading.name, "message 01020304", 16);
	assert_null(payload_check(r.body, r.length, RECORD_STRUCT, SEQ, TAG));
	assert_int_equal(record_read(&r, golden_fragment, sizeof(golden_fragment), record_tag(TAG)),
			RECORD_OK);
	assert_int_equal(r.total, 100);
	assert_int_equal(r.offset, 96);
	assert_int_equal(r.index, 2);
	assert_int_equal(r.count, 3);
}

/* A pitfall: a struct cast onto the wire breaks where its address is not aligned. UBSan would see
 * it; in a frame the struct stands at byte 58. */
static void
a_struct_is_read_at_every_address(void **state)
{
	uint8_t room[sizeof(golden_struct) + 16];

	(void)state;
	for (size_t shift = 0; shift < 16; shift++) {
		struct record r;

		memcpy(room + shift, golden_struct, sizeof(golden_struct));
		assert_int_equal(record_read(&r, room + shift, sizeof(golden_struct),
						 record_tag(TAG)),
				RECORD_OK);
		assert_null(payload_check(r.body, r.length, RECORD_STRUCT, SEQ, TAG));
	}
}

/* A pitfall: strlen() on binary data ends at the first zero. */
static void
bodies_hold_zeros_and_are_whole_all_the_same(void **state)
{
	(void)state;
	for (uint16_t n = 1; n <= 200; n++) {
		uint8_t *bytes = make(RECORD_BYTES, n, SEQ + n);
		struct record r;

		assert_int_equal(record_read(&r, bytes, RECORD_HEADER_BYTES + n, record_tag(TAG)),
				RECORD_OK);
		assert_int_equal(r.length, n);
		assert_true(n < 2 || memchr(r.body, 0, 2) != NULL);
		assert_null(payload_check(r.body, n, RECORD_BYTES, SEQ + n, TAG));
		free(bytes);
	}
}

static void
every_flipped_bit_is_found(void **state)
{
	(void)state;
	for (int type = RECORD_BYTES; type <= RECORD_LARGE; type++) {
		size_t n = record_header_bytes((enum record_type)type) + 61;
		uint8_t *bytes = make((enum record_type)type, 61, SEQ);
		struct record r;

		for (size_t bit = 0; bit < 8 * n; bit++) {
			bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
			assert_int_not_equal(record_read(&r, bytes, n, record_tag(TAG)), RECORD_OK);
			bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		assert_int_equal(record_read(&r, bytes, n, record_tag(TAG)), RECORD_OK);
		free(bytes);
	}
}

static void
every_cut_record_is_short(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(golden_struct); n++) {
		uint8_t *cut = malloc(n > 0 ? n : 1);
		struct record r;
		uint64_t records = 0;

		assert_non_null(cut);
		memcpy(cut, golden_struct, n);
		assert_int_equal(record_read(&r, cut, n, record_tag(TAG)), RECORD_SHORT);
		/* As a stream, more of it is waited for. */
		assert_int_equal(record_stream_whole(cut, n, &records), 0);
		assert_int_equal(records, 0);
		free(cut);
	}
}

static void
another_run_or_version_is_foreign(void **state)
{
	uint8_t bytes[sizeof(golden_struct)];
	struct record r;

	(void)state;
	assert_int_equal(record_read(&r, golden_struct, sizeof(golden_struct),
					 (uint16_t)(record_tag(TAG) + 1)),
			RECORD_FOREIGN);
	memcpy(bytes, golden_struct, sizeof(bytes));
	bytes[2] = RECORD_VERSION + 1;
	assert_int_equal(record_read(&r, bytes, sizeof(bytes), record_tag(TAG)), RECORD_FOREIGN);
}

/* Fragments whose numbers contradict each other are refused although their CRC is right. */
static void
impossible_fragments_are_refused(void **state)
{
	static const struct record impossible[] = {
			{.total = 100, .offset = 96, .index = 3, .count = 3, .length = 4},
			{.total = 100, .offset = 98, .index = 2, .count = 3, .length = 4},
			{.total = 100, .offset = 0, .index = 0, .count = 0, .length = 4},
			{.total = 100, .offset = 96, .index = 1, .count = 3, .length = 4},
			{.total = 100, .offset = 0, .index = 1, .count = 3, .length = 4},
			{.total = 100, .offset = 4, .index = 0, .count = 3, .length = 4},
			{.total = 4, .offset = 0xfffffffe, .index = 1, .count = 2, .length = 4},
			{.total = 100, .offset = 50, .index = 1, .count = 3, .length = 0},
	};
	uint8_t bytes[RECORD_LARGE_HEADER_BYTES + 4] = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(impossible) / sizeof(impossible[0]); i++) {
		struct record r = impossible[i];
		size_t n;

		r.type = RECORD_LARGE;
		n = record_finish(bytes, &r);
		assert_int_equal(record_read(&r, bytes, n, 0), RECORD_CORRUPT);
	}
}

/* Whatever comes, the decoders stay within what is there and say something. */
static void
noise_is_survived(void **state)
{
	uint64_t random = 1;

	(void)state;
	for (uint32_t round = 0; round < FUZZ_ROUNDS; round++) {
		size_t n = (random = mix64(random + MIX64_STEP)) % 64;
		uint8_t *bytes = malloc(n > 0 ? n : 1);
		uint64_t records = 0;
		struct record r;
		size_t whole;

		assert_non_null(bytes);
		for (size_t i = 0; i < n; i++)
			bytes[i] = (uint8_t)((random = mix64(random + MIX64_STEP)) >> 24);
		/* Half of it begins as a record does, and a quarter is of a known type. */
		if (round % 2 == 0 && n >= 4)
			memcpy(bytes, golden_struct, round % 4 == 0 ? 4 : 3);
		assert_int_not_equal(record_read(&r, bytes, n, record_tag(TAG)), RECORD_OK);
		whole = record_stream_whole(bytes, n, &records);
		assert_true(whole <= n || whole == SIZE_MAX);
		(void)payload_check(bytes, n, RECORD_STRUCT, SEQ, TAG);
		free(bytes);
	}
}

static void
a_stream_is_cut_into_its_records(void **state)
{
	uint8_t stream[2 * sizeof(golden_struct) + sizeof(golden_fragment) + 7];
	uint64_t records = 0;
	size_t at = 0;

	(void)state;
	memcpy(stream, golden_struct, sizeof(golden_struct));
	at += sizeof(golden_struct);
	memcpy(stream + at, golden_fragment, sizeof(golden_fragment));
	at += sizeof(golden_fragment);
	memcpy(stream + at, golden_struct, sizeof(golden_struct));
	at += sizeof(golden_struct);
	memcpy(stream + at, golden_fragment, 7);
	assert_int_equal(record_stream_whole(stream, sizeof(stream), &records), at);
	assert_int_equal(records, 3);
	stream[at] ^= 1;
	assert_true(record_stream_whole(stream, sizeof(stream), &records) == SIZE_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(golden_bytes_are_written),
			cmocka_unit_test(golden_bytes_are_read),
			cmocka_unit_test(a_struct_is_read_at_every_address),
			cmocka_unit_test(bodies_hold_zeros_and_are_whole_all_the_same),
			cmocka_unit_test(every_flipped_bit_is_found),
			cmocka_unit_test(every_cut_record_is_short),
			cmocka_unit_test(another_run_or_version_is_foreign),
			cmocka_unit_test(impossible_fragments_are_refused),
			cmocka_unit_test(noise_is_survived),
			cmocka_unit_test(a_stream_is_cut_into_its_records),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
