#include "unit.h"

#include "port_report.h"

/* Reads what the drivers of two ports tell and writes it; what stands in the file. */
static char *
told(void **state, const struct driver_stats *stats)
{
	static const struct port_state ports[2] = {{.port = 4}, {.port = 7}};
	struct driver_stats read[PORT_MAX] = {0};
	char path[96];
	size_t length;
	struct stats *s;
	char *text;

	if (stats == NULL) {
		driver_stats_read(ports, 2, read);
		stats = read;
	}
	unit_path(state, "stats", path, sizeof(path));
	s = stats_open(path, "a", "b");
	assert_non_null(s);
	report_driver_stats(s, ports, 2, stats);
	assert_int_equal(stats_close(s), 0);
	text = (char *)unit_read(path, &length);
	assert_int_equal(unlink(path), 0);
	return text;
}

/* Without a started EAL there is no port, so that every driver's call fails. */
static void
a_driver_whose_call_fails_has_no_numbers(void **state)
{
	char *text = told(state, NULL);

	assert_non_null(strstr(text, "\"driver_stats\": [\n"
				     "  {\n"
				     "   \"port\": 4,\n"
				     "   \"error\": \"No such device\"\n"
				     "  },\n"
				     "  {\n"
				     "   \"port\": 7,\n"
				     "   \"error\": \"No such device\"\n"
				     "  }\n"
				     " ]\n"));
	free(text);
}

static void
each_driver_tells_what_it_counted_or_why_not(void **state)
{
	struct driver_stats stats[2] = {
			{.counts = {.ipackets = 1,
					 .opackets = 2,
					 .imissed = 3,
					 .ierrors = 4,
					 .oerrors = 5,
					 .rx_nombuf = 6}},
			{.error = ENOTSUP, .counts = {.ipackets = 9}},
	};
	char *text = told(state, stats);

	assert_non_null(strstr(text, "   \"port\": 4,\n"
				     "   \"ipackets\": 1,\n"
				     "   \"opackets\": 2,\n"
				     "   \"imissed\": 3,\n"
				     "   \"ierrors\": 4,\n"
				     "   \"oerrors\": 5,\n"
				     "   \"rx_nombuf\": 6\n"));
	assert_non_null(strstr(text, "   \"port\": 7,\n"
				     "   \"error\": \"Operation not supported\"\n"));
	free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, unit_folder_make, unit_folder_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
			TEST(a_driver_whose_call_fails_has_no_numbers),
			TEST(each_driver_tells_what_it_counted_or_why_not),
	};

	return cmocka_run_group_tests_name("port_report", tests, NULL, NULL);
}
