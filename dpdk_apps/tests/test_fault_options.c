/* The faults that a command line asks for. */
#include "fault_options.h"
#include "said.h"

static void
a_list_says_what_happens(void **state)
{
	struct fault_plan p = fault_options_default().out;

	(void)state;
	assert_true(fault_plan_parse("--fault-out",
			"drop=0.1,duplicate=.05,reorder=1,corrupt=0,truncate@7,delay=0.5,delay-us="
			"9",
			&p));
	assert_true(p.chance[FAULT_DROP] == 0.1 && p.chance[FAULT_DUPLICATE] == .05);
	assert_true(p.chance[FAULT_REORDER] == 1 && p.chance[FAULT_CORRUPT] == 0);
	assert_true(p.chance[FAULT_DELAY] == 0.5 && p.chance[FAULT_TRUNCATE] == 0);
	assert_int_equal(p.exactly[FAULT_TRUNCATE], 7);
	assert_int_equal(p.exactly[FAULT_DROP], 0);
	assert_int_equal(p.delay, 9);
}

static void
what_is_no_list_is_refused(void **state)
{
	static const char *const wrong[] = {"", "drop", "drop=", "drop=2", "drop=-1", "drop@0",
			"drop@x", "lose=0.1", "drop=0.1,", ",drop=0.1", "delay-us@3", "delay-us=0",
			"drop=0.1;corrupt=0.1",
			"a-name-that-is-longer-than-any-item-of-a-list-may-ever-be=1"};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct fault_plan p = {.delay = 1};
		struct said said;

		said_begin(&said);
		assert_false(fault_plan_parse("--fault-in", wrong[i], &p));
		assert_non_null(strstr(said_end(&said), "--fault-in"));
	}
}

static void
each_direction_has_its_own(void **state)
{
	struct fault_options o = fault_options_default();
	const struct option *t = fault_option_table;

	(void)state;
	assert_false(o.wanted);
	for (; t->name != NULL; t++) {
		const char *text = strcmp(t->name, "fault-seed") == 0 ? "42"
				   : strcmp(t->name, "fault-in") == 0 ? "drop@1"
								      : "corrupt@2";

		assert_true(fault_take(&o, t->val, text));
	}
	assert_true(o.wanted);
	assert_int_equal(o.seed, 42);
	assert_int_equal(o.in.exactly[FAULT_DROP], 1);
	assert_int_equal(o.out.exactly[FAULT_CORRUPT], 2);
	assert_int_equal(o.out.exactly[FAULT_DROP], 0);
	/* Held back for nothing, a packet would be overtaken by none. */
	assert_true(o.out.delay > 0 && o.in.delay > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(a_list_says_what_happens),
			cmocka_unit_test(what_is_no_list_is_refused),
			cmocka_unit_test(each_direction_has_its_own),
	};

	return cmocka_run_group_tests_name("fault_options", tests, NULL, NULL);
}
