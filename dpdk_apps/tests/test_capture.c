#include "said.h"

#include "capture.h"
#include "lifecycle.h"

static void
how_many_packets(void **state)
{
	uint32_t packets = 7;

	(void)state;
	assert_true(option_dump("--dump", "10000", &packets));
	assert_int_equal(packets, 10000);
	assert_true(option_dump("--dump", "0", &packets));
	assert_int_equal(packets, 0);
	assert_false(option_dump("--dump", "10001", &packets));
	assert_false(option_dump("--dump", "-1", &packets));
	assert_int_equal(packets, 0);
}

static void
packets_want_a_name(void **state)
{
	struct said said;
	bool right;

	(void)state;
	assert_true(capture_options_check(0, NULL));
	assert_true(capture_options_check(0, "name"));
	assert_true(capture_options_check(1, "name"));
	said_begin(&said);
	right = capture_options_check(1, NULL);
	assert_string_equal(said_end(&said), "app: --dump without --capture: say what the files "
					     "are to be called\n");
	assert_false(right);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(how_many_packets),
			cmocka_unit_test(packets_want_a_name),
	};

	if (lifecycle_begin("app") != 0)
		return EXIT_FAILED;
	return cmocka_run_group_tests_name("capture", tests, NULL, NULL);
}
