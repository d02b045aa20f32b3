#include "unit.h"

#include "crc32c.h"

/* RFC 3720, appendix B.4, and the check value of the polynomial. */
static void
known_values(void **state)
{
	uint8_t bytes[32];

	(void)state;
	assert_int_equal(crc32c(0, (const uint8_t *)"123456789", 9), 0xe3069283u);
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(crc32c(0, bytes, sizeof(bytes)), 0x8a9136aau);
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(crc32c(0, bytes, sizeof(bytes)), 0x62a8ab43u);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	assert_int_equal(crc32c(0, bytes, sizeof(bytes)), 0x46dd794eu);
	assert_int_equal(crc32c(0, NULL, 0), 0);
}

/* By instruction and by table, in one piece and in two, from any address; short ones, and those
 * that are divided in three parts. */
static void
every_way_gives_the_same(void **state)
{
	uint8_t bytes[1300];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 37 + 11);
	for (size_t from = 0; from < 8; from++)
		for (size_t n = 0; from + n <= sizeof(bytes); n += n < 100 ? 1 : 13) {
			uint32_t whole = crc32c(0, bytes + from, n);

			assert_int_equal(crc32c_by_table(0, bytes + from, n), whole);
			assert_int_equal(crc32c(crc32c(0, bytes + from, n / 3),
							 bytes + from + n / 3, n - n / 3),
					whole);
		}
}

/* In one call as in two. */
static void
a_header_and_what_follows(void **state)
{
	uint8_t bytes[CRC32C_HEAD_BYTES + 1300];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 91 + 7);
	for (size_t n = 0; n <= 1300; n += n < 100 ? 1 : 13)
		assert_int_equal(crc32c_headed(bytes, bytes + CRC32C_HEAD_BYTES, n),
				crc32c(0, bytes, CRC32C_HEAD_BYTES + n));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(known_values),
			cmocka_unit_test(every_way_gives_the_same),
			cmocka_unit_test(a_header_and_what_follows),
	};

	return cmocka_run_group_tests_name("crc32c", tests, NULL, NULL);
}
