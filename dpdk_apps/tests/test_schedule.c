#include "unit.h"

#include "schedule.h"

static void
phases_follow_the_clock(void **state)
{
	struct schedule s;

	(void)state;
	schedule_begin(&s, 1000, 1000, 0, 2, 3, 1);
	assert_int_equal(schedule_phase(&s, 1000), PHASE_WARMUP);
	assert_int_equal(schedule_phase(&s, 2999), PHASE_WARMUP);
	assert_int_equal(schedule_phase(&s, 3000), PHASE_WINDOW);
	assert_int_equal(schedule_phase(&s, 5999), PHASE_WINDOW);
	assert_int_equal(schedule_phase(&s, 6000), PHASE_DRAIN);
	assert_int_equal(schedule_phase(&s, 6999), PHASE_DRAIN);
	assert_int_equal(schedule_phase(&s, 7000), PHASE_OVER);
	assert_int_equal(schedule_due(&s, 5000), 0); /* a closed loop has no schedule */
}

static void
intended_ticks_do_not_drift(void **state)
{
	struct schedule s;
	double interval = 2.6e9 / 3e6;

	(void)state;
	schedule_begin(&s, 5, 2.6e9, 3e6, 0, 100, 1);
	for (uint64_t n = 0; n < 300000000; n += 999983) {
		double exact = 5 + (double)n * interval;

		assert_true(schedule_tick(&s, n) <= exact &&
				exact - (double)schedule_tick(&s, n) < 2);
	}
}

/* due(now) counts exactly the packets whose tick is not after now. */
static void
due_agrees_with_ticks(void **state)
{
	static const double rates[] = {1, 3, 7, 333.3, 999.9, 1000, 2500};

	(void)state;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct schedule s;
		uint64_t n = 0;

		schedule_begin(&s, 100, 1000, rates[i], 1, 2, 1);
		assert_int_equal(schedule_due(&s, 99), 0);
		for (uint64_t now = 100; now < 3100; now++) {
			while (schedule_tick(&s, n) <= now)
				n++;
			assert_int_equal(schedule_due(&s, now), n);
		}
		/* Nothing is meant to leave after the window. */
		assert_int_equal(schedule_due(&s, 1000000), n);
	}
}

static void
cut_ends_the_window_and_keeps_the_drain(void **state)
{
	struct schedule s;

	(void)state;
	schedule_begin(&s, 0, 1000, 0, 1, 9, 2);
	schedule_cut(&s, 4000);
	assert_int_equal(schedule_phase(&s, 3999), PHASE_WINDOW);
	assert_int_equal(schedule_phase(&s, 4000), PHASE_DRAIN);
	assert_int_equal(schedule_phase(&s, 6000), PHASE_OVER);
	schedule_cut(&s, 5000); /* too late to change anything */
	assert_int_equal(s.window_end, 4000);

	schedule_begin(&s, 0, 1000, 0, 1, 9, 2);
	schedule_cut(&s, 500);
	assert_int_equal(schedule_phase(&s, 500), PHASE_DRAIN);
	assert_int_equal(s.warmup_end, 500);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(phases_follow_the_clock),
			cmocka_unit_test(intended_ticks_do_not_drift),
			cmocka_unit_test(due_agrees_with_ticks),
			cmocka_unit_test(cut_ends_the_window_and_keeps_the_drain),
	};

	return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
