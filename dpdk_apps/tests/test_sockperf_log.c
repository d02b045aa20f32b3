#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lifecycle.h"
#include "sockperf_log.h"

static char path[] = "/tmp/test_sockperf_log_XXXXXX";

#define HEAD                                                                                       \
	"------------------------------\n"                                                         \
	"sockperf: # dropped messages = 0; # duplicated messages = 0; # out-of-order messages = "  \
	"0\n"                                                                                      \
	"packet, txTime(sec), rxTime(sec), rtt(usec)\n"

static void
write_log(const char *text)
{
	unit_write(path, text);
}

static int
make_file(void **state)
{
	(void)state;
	return unit_file_make(path);
}

static int
remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

/* Of messages a millisecond apart, those from 2 ms on for 3 ms are the window. */
static void
the_window_begins_and_ends_where_it_is_asked_for(void **state)
{
	struct sockperf_log log;
	struct recorder_counts counts;

	(void)state;
	write_log(HEAD "0, 7.999000000, 7.999010000, 10.000\n"
		       "1, 8.000000000, 8.000010000, 10.000\n"
		       "2, 8.001000000, 8.001020000, 20.000\n"
		       "3, 8.002000000, 8.002030000, 30.000\n"
		       "4, 8.003000000, 8.003040000, 40.000\n"
		       "5, 8.004000000, 8.004050000, 50.000\n"
		       "------------------------------\n");
	assert_int_equal(sockperf_log_read(path, 0.002, 0.003, &log), 0);
	counts = recorder_counts(log.recorder);
	assert_int_equal(counts.warmup, 2);
	assert_int_equal(counts.sent, 3);
	assert_int_equal(counts.returned, 3);
	assert_int_equal(counts.lost, 0);
	assert_int_equal(log.dropped, 0);
	assert_float_equal(log.window_s, 0.00204, 1e-9);
	assert_int_equal(recorder_send_tick(log.recorder, 2), 8001000000);
	recorder_destroy(log.recorder);
}

static void
what_sockperf_missed_is_told(void **state)
{
	struct sockperf_log log;

	(void)state;
	write_log("sockperf: # dropped messages = 12; # duplicated messages = 0\n" HEAD
		  "0, 1.000000000, 1.000010000, 10.000\n");
	assert_int_equal(sockperf_log_read(path, 0, 1, &log), 0);
	/* The last line that says it counts: there is one for all servers together. */
	assert_int_equal(log.dropped, 0);
	recorder_destroy(log.recorder);
	write_log("sockperf: # dropped messages = 12; # duplicated messages = 0\n"
		  "packet, txTime(sec), rxTime(sec), rtt(usec)\n"
		  "0, 1.000000000, 1.000010000, 10.000\n");
	assert_int_equal(sockperf_log_read(path, 0, 1, &log), 0);
	assert_int_equal(log.dropped, 12);
	recorder_destroy(log.recorder);
}

static void
a_file_that_is_no_log_is_refused(void **state)
{
	static const char *const wrong[] = {
			"",
			"sockperf: ERROR: no such option\n",
			HEAD,
			HEAD "0, 1.5, 1.6, 10.000\n",
			HEAD "0, 1.000000000\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct sockperf_log log;

		write_log(wrong[i]);
		assert_int_equal(sockperf_log_read(path, 0, 1, &log), -1);
		if (log.recorder != NULL)
			recorder_destroy(log.recorder);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(the_window_begins_and_ends_where_it_is_asked_for),
			cmocka_unit_test(what_sockperf_missed_is_told),
			cmocka_unit_test(a_file_that_is_no_log_is_refused),
	};

	if (lifecycle_begin("test_sockperf_log") != 0)
		return 1;
	return cmocka_run_group_tests(tests, make_file, remove_file);
}
