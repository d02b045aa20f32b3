#include "unit.h"

#include "generator_options.h"
#include "options.h"

static void
counts(void **state)
{
	static const char *const wrong[] = {"", " ", "7", "101", "-9", "+9", " 9", "9 ", "9x",
			"1e1", "0x", "abc", "f", "99999999999999999999999", "8.0"};
	uint64_t value = 1;

	(void)state;
	assert_true(option_count("--n", "8", 8, 100, &value));
	assert_int_equal(value, 8);
	assert_true(option_count("--n", "0x64", 8, 100, &value));
	assert_int_equal(value, 100);
	assert_true(option_count("--n", "18446744073709551615", 0, UINT64_MAX, &value));
	assert_true(value == UINT64_MAX);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		value = 77;
		assert_false(option_count("--n", wrong[i], 8, 100, &value));
		assert_int_equal(value, 77);
	}
}

static void
numbers(void **state)
{
	static const char *const wrong[] = {
			"", "nan", "inf", "-1", "2.1", "1s", " 1", "1e999", "."};
	double value = 0;

	(void)state;
	assert_true(option_number("--x", "0.25", 0, 2, &value));
	assert_true(value == 0.25);
	assert_true(option_number("--x", ".5", 0, 2, &value));
	assert_true(value == 0.5);
	assert_true(option_number("--x", "1e-3", 0, 2, &value));
	assert_true(value == 0.001);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(option_number("--x", wrong[i], 0, 2, &value));
}

static void
choices(void **state)
{
	static const char *const names[] = {"block", "poll", NULL};
	enum idle_policy policy = IDLE_SPIN;
	int index = -1;

	(void)state;
	assert_true(option_choice("--mode", "poll", names, &index));
	assert_int_equal(index, 1);
	assert_false(option_choice("--mode", "pol", names, &index));
	assert_false(option_choice("--mode", "", names, &index));
	assert_true(option_idle("--idle", "yield", &policy));
	assert_int_equal(policy, IDLE_YIELD);
	assert_false(option_idle("--idle", "sleep", &policy));
}

/* A set of options that is right, to be made wrong one by one. */
static struct generator_options
right_options(void)
{
	struct generator_options o;

	generator_options_begin(&o, 100);
	assert_true(generator_option(&o, OPTION_FLOWS, "4", 1476));
	assert_true(generator_option(&o, OPTION_SIZE, "64", 1476));
	assert_true(generator_option(&o, OPTION_WARMUP, "0", 1476));
	assert_true(generator_option(&o, OPTION_WINDOW, "2", 1476));
	assert_true(generator_option(&o, OPTION_SAMPLES, "a", 1476));
	assert_true(generator_option(&o, OPTION_STATS, "b", 1476));
	return o;
}

static void
generator_wants_one_loop(void **state)
{
	struct generator_options o = right_options();

	(void)state;
	assert_false(generator_options_check(&o));
	assert_true(generator_option(&o, OPTION_DEPTH, "8", 1476));
	assert_true(generator_options_check(&o));
	assert_true(o.max_samples >= 1000000);
	assert_true(generator_option(&o, OPTION_RATE, "1000", 1476));
	assert_false(generator_options_check(&o));
}

static void
generator_keeps_room_for_its_schedule(void **state)
{
	struct generator_options o = right_options();

	(void)state;
	assert_true(generator_option(&o, OPTION_WARMUP, "0.5", 1476));
	assert_true(generator_option(&o, OPTION_RATE, "1000.5", 1476));
	assert_true(generator_options_check(&o));
	assert_in_range(o.max_samples, 2502, 2504);
	o.max_samples = 0;
	assert_true(generator_option(&o, OPTION_RATE, "1e9", 1476));
	assert_false(generator_options_check(&o));
	assert_true(generator_option(&o, OPTION_MAX_SAMPLES, "1000", 1476));
	assert_true(generator_options_check(&o));
	assert_int_equal(o.max_samples, 1000);
}

static void
generator_refuses_what_is_out_of_range(void **state)
{
	struct generator_options o = right_options();

	(void)state;
	assert_false(generator_option(&o, OPTION_SIZE, "31", 1476));
	assert_false(generator_option(&o, OPTION_SIZE, "1477", 1476));
	assert_false(generator_option(&o, OPTION_FLOWS, "0", 1476));
	assert_false(generator_option(&o, OPTION_DEPTH, "0", 1476));
	assert_false(generator_option(&o, OPTION_RATE, "0", 1476));
	assert_false(generator_option(&o, OPTION_WINDOW, "0", 1476));
	assert_false(generator_option(&o, OPTION_TAG, "4294967296", 1476));
	assert_true(generator_option(&o, OPTION_TAG, "4294967295", 1476));
	assert_false(generator_option(&o, GENERATOR_OPTION_LAST + 1, "1", 1476));
}

static void
generator_says_what_is_missing(void **state)
{
	struct generator_options whole = right_options();
	struct generator_options o;

	(void)state;
	assert_true(generator_option(&whole, OPTION_DEPTH, "1", 1476));
	assert_true((o = whole, generator_options_check(&o)));
	assert_false((o = whole, o.flows = 0, generator_options_check(&o)));
	assert_false((o = whole, o.size = 0, generator_options_check(&o)));
	assert_false((o = whole, o.warmup_s = -1, generator_options_check(&o)));
	assert_false((o = whole, o.window_s = -1, generator_options_check(&o)));
	assert_false((o = whole, o.samples = NULL, generator_options_check(&o)));
	assert_false((o = whole, o.stats = NULL, generator_options_check(&o)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(counts),
			cmocka_unit_test(numbers),
			cmocka_unit_test(choices),
			cmocka_unit_test(generator_wants_one_loop),
			cmocka_unit_test(generator_keeps_room_for_its_schedule),
			cmocka_unit_test(generator_refuses_what_is_out_of_range),
			cmocka_unit_test(generator_says_what_is_missing),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
