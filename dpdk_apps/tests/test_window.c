#include "unit.h"

#include "lifecycle.h"
#include "window.h"

#define TICKS_PER_S 1000.0
#define BEGIN 1000000u

struct fixture {
	struct generator_options options;
	struct meter meter;
	struct window window;
};

/* A second of warm-up, two of window, half a second of drain; a tick is a millisecond. */
static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL || lifecycle_begin("test") != 0)
		return -1;
	generator_options_begin(&f->options, 500);
	f->options.flows = 1;
	f->options.size = 8;
	f->options.depth = 2;
	f->options.warmup_s = 1;
	f->options.window_s = 2;
	f->options.max_samples = 4;
	*state = f;
	if (meter_begin(&f->meter, &f->options) != 0)
		return -1;
	window_begin(&f->window, &f->meter, &f->options, TICKS_PER_S, BEGIN);
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	meter_end(&f->meter);
	free(f);
	return 0;
}

static void
send_one(struct fixture *f, uint64_t tick)
{
	assert_true(meter_sent(&f->meter, tick));
}

static void
only_what_is_sent_in_the_window_counts(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(window_follow(&f->window, BEGIN + 999), PHASE_WARMUP);
	send_one(f, BEGIN + 999);
	assert_int_equal(window_follow(&f->window, BEGIN + 1001), PHASE_WINDOW);
	send_one(f, BEGIN + 1001);
	assert_int_equal(window_follow(&f->window, BEGIN + 3002), PHASE_DRAIN);
	send_one(f, BEGIN + 3002);
	assert_int_equal(recorder_counts(f->meter.recorder).sent, 1);
	assert_int_equal(recorder_counts(f->meter.recorder).warmup, 2);
	assert_int_equal(window_follow(&f->window, BEGIN + 3501), PHASE_OVER);
	assert_true(window_length_s(&f->window, TICKS_PER_S) == 2.001);
	assert_string_equal(f->window.ended, "done");
	assert_int_equal(f->window.timeout, 500);
}

static void
what_cuts_it_short_is_remembered_and_the_drain_remains(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(window_follow(&f->window, BEGIN + 1500), PHASE_WINDOW);
	window_fail(&f->window, BEGIN + 1600, "ring stuck");
	assert_int_equal(window_follow(&f->window, BEGIN + 1600), PHASE_DRAIN);
	lifecycle_stop();
	assert_int_equal(window_follow(&f->window, BEGIN + 1700), PHASE_DRAIN);
	assert_string_equal(f->window.ended, "ring stuck");
	assert_int_equal(window_follow(&f->window, BEGIN + 2099), PHASE_DRAIN);
	assert_int_equal(window_follow(&f->window, BEGIN + 2100), PHASE_OVER);
	assert_true(window_length_s(&f->window, TICKS_PER_S) == 0.1);
}

static void
a_full_recorder_cuts_it_short(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(window_follow(&f->window, BEGIN + 1000), PHASE_WINDOW);
	for (unsigned int i = 0; i < 4; i++)
		send_one(f, BEGIN + 1000);
	assert_int_equal(window_allows(&f->window, &f->options, BEGIN + 1001), 0);
	assert_int_equal(window_follow(&f->window, BEGIN + 1001), PHASE_DRAIN);
	assert_string_equal(f->window.ended, "recorder full");
}

static void
a_signal_cuts_it_short(void **state)
{
	struct fixture *f = *state;

	lifecycle_stop();
	assert_int_equal(window_follow(&f->window, BEGIN + 10), PHASE_DRAIN);
	assert_string_equal(f->window.ended, "signal");
	assert_true(window_length_s(&f->window, TICKS_PER_S) == 0);
}

static void
a_failure_counts_whatever_was_the_reason_before(void **state)
{
	struct fixture *f = *state;

	lifecycle_stop();
	assert_int_equal(window_follow(&f->window, BEGIN + 1500), PHASE_DRAIN);
	assert_string_equal(f->window.ended, "signal");
	window_fail(&f->window, BEGIN + 1600, "peer closed");
	assert_string_equal(f->window.ended, "peer closed");
	assert_true(window_length_s(&f->window, TICKS_PER_S) == 0);
}

static void
a_failure_closes_the_window_and_no_later_reason_counts(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(window_follow(&f->window, BEGIN + 1500), PHASE_WINDOW);
	send_one(f, BEGIN + 1500);
	window_fail(&f->window, BEGIN + 1700, "peer closed");
	assert_true(window_length_s(&f->window, TICKS_PER_S) == 0.2);
	send_one(f, BEGIN + 1800);
	assert_int_equal(recorder_counts(f->meter.recorder).sent, 1);
	lifecycle_stop();
	assert_int_equal(window_follow(&f->window, BEGIN + 1800), PHASE_DRAIN);
	assert_string_equal(f->window.ended, "peer closed");
}

static void
a_failure_in_the_warm_up_leaves_an_empty_window(void **state)
{
	struct fixture *f = *state;

	send_one(f, BEGIN);
	window_fail(&f->window, BEGIN + 10, "peer closed");
	assert_true(window_length_s(&f->window, TICKS_PER_S) == 0);
	assert_int_equal(recorder_counts(f->meter.recorder).sent, 0);
	assert_int_equal(recorder_counts(f->meter.recorder).warmup, 1);
}

static void
a_closed_loop_fills_its_depth(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(window_allows(&f->window, &f->options, BEGIN), 2);
	send_one(f, BEGIN);
	assert_int_equal(window_allows(&f->window, &f->options, BEGIN), 1);
	send_one(f, BEGIN);
	assert_int_equal(window_allows(&f->window, &f->options, BEGIN), 0);
}

static void
an_open_loop_sends_what_is_due_and_says_what_never_left(void **state)
{
	struct fixture *f = *state;

	f->options.depth = 0;
	f->options.rate = 1;
	window_begin(&f->window, &f->meter, &f->options, TICKS_PER_S, BEGIN);
	assert_int_equal(window_allows(&f->window, &f->options, BEGIN), 1);
	send_one(f, BEGIN);
	assert_int_equal(window_allows(&f->window, &f->options, BEGIN + 999), 0);
	assert_int_equal(window_allows(&f->window, &f->options, BEGIN + 2000), 2);
	assert_int_equal(window_follow(&f->window, BEGIN + 1000), PHASE_WINDOW);
	assert_int_equal(window_follow(&f->window, BEGIN + 3000), PHASE_DRAIN);
	assert_int_equal(f->window.unsent, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
			TEST(only_what_is_sent_in_the_window_counts),
			TEST(what_cuts_it_short_is_remembered_and_the_drain_remains),
			TEST(a_full_recorder_cuts_it_short),
			TEST(a_signal_cuts_it_short),
			TEST(a_failure_counts_whatever_was_the_reason_before),
			TEST(a_failure_closes_the_window_and_no_later_reason_counts),
			TEST(a_failure_in_the_warm_up_leaves_an_empty_window),
			TEST(a_closed_loop_fills_its_depth),
			TEST(an_open_loop_sends_what_is_due_and_says_what_never_left),
	};

	return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
