#include "unit.h"

#include <math.h>

#include "outgoing.h"
#include "payload.h"

#define TAG 0xa1b2c3d4u

static void
every_type_and_length_comes_back(void **state)
{
	(void)state;
	for (int type = RECORD_BYTES; type <= RECORD_LARGE; type++)
		for (size_t n = payload_min_bytes((enum record_type)type); n < 200; n++) {
			uint8_t *bytes = malloc(n);

			assert_non_null(bytes);
			payload_write(bytes, n, (enum record_type)type, 77, TAG);
			assert_null(payload_check(bytes, n, (enum record_type)type, 77, TAG));
			assert_non_null(payload_check(
					bytes, n, (enum record_type)type, 77, TAG + 1));
			free(bytes);
		}
}

static void
each_wrong_field_is_named(void **state)
{
	static const struct {
		size_t at;
		const char *name;
	} fields[] = {{1, "version"}, {2, "kind"}, {3, "flags"}, {7, "source"}, {15, "count"},
			{16, "delta"}, {24, "level"}, {47, "name"}, {48, "bytes"}};
	uint8_t bytes[64];

	(void)state;
	payload_write(bytes, sizeof(bytes), RECORD_STRUCT, 5, TAG);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		bytes[fields[i].at] ^= 0x80;
		assert_string_equal(payload_check(bytes, sizeof(bytes), RECORD_STRUCT, 5, TAG),
				fields[i].name);
		bytes[fields[i].at] ^= 0x80;
	}
	assert_string_equal(
			payload_check(bytes, READING_BYTES - 1, RECORD_STRUCT, 5, TAG), "length");
}

/* Values whose representation is easy to get wrong. */
static void
extreme_values_survive(void **state)
{
	struct reading reading = {.version = UINT16_MAX,
			.source = UINT32_MAX,
			.count = UINT64_MAX,
			.delta = INT64_MIN,
			.level = -0.0};
	uint8_t bytes[READING_BYTES];
	struct reading back;

	(void)state;
	reading_write(bytes, &reading);
	reading_read(&back, bytes);
	assert_null(reading_difference(&reading, &back));
	assert_true(signbit(back.level));
	reading.level = NAN;
	reading_write(bytes, &reading);
	reading_read(&back, bytes);
	assert_null(reading_difference(&reading, &back));
}

static void
a_digest_depends_on_everything(void **state)
{
	uint8_t bytes[100];
	uint64_t digest;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 13);
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		/* Exactly as long, so that ASan sees a byte too far. */
		uint8_t *copy = malloc(n > 0 ? n : 1);

		assert_non_null(copy);
		memcpy(copy, bytes, n);
		digest = payload_digest(9, copy, n);
		assert_true(digest == payload_digest(9, bytes, n));
		assert_true(digest != payload_digest(10, copy, n));
		for (size_t bit = 0; bit < 8 * n; bit++) {
			copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
			assert_true(digest != payload_digest(9, copy, n));
			copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		free(copy);
	}
	/* A zero at the end is not the same as none. */
	bytes[40] = 0;
	assert_true(payload_digest(1, bytes, 40) != payload_digest(1, bytes, 41));
}

/* MTU 1500: 1472 bytes of UDP payload, of which 16 are a record's header. */
static void
what_does_not_fit_is_refused(void **state)
{
	struct message_plan p;

	(void)state;
	assert_true(message_plan(&p, RECORD_BYTES, 1455, 1472, TAG));
	assert_true(message_plan(&p, RECORD_BYTES, 1456, 1472, TAG));
	assert_int_equal(message_plan_record_bytes(&p, 0), 1472);
	assert_false(message_plan(&p, RECORD_BYTES, 1457, 1472, TAG));
	assert_true(message_plan(&p, RECORD_LARGE, 1457, 1472, TAG));
	assert_int_equal(p.records, 2);
	assert_int_equal(message_plan_record_bytes(&p, 0), 1472);
	assert_int_equal(message_plan_record_bytes(&p, 1), 28 + 13);
	assert_int_equal(message_plan_bytes(&p), 2 * 28 + 1457);
	assert_false(message_plan(&p, RECORD_STRUCT, READING_BYTES - 1, 1472, TAG));
	assert_false(message_plan(&p, RECORD_LARGE, 257 * 1444, 1472, TAG));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(every_type_and_length_comes_back),
			cmocka_unit_test(each_wrong_field_is_named),
			cmocka_unit_test(extreme_values_survive),
			cmocka_unit_test(a_digest_depends_on_everything),
			cmocka_unit_test(what_does_not_fit_is_refused),
	};

	return cmocka_run_group_tests_name("payload", tests, NULL, NULL);
}
