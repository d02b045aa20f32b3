#include "unit.h"

#include <errno.h>
#include <math.h>

#include "stats.h"

static void
golden_text(void **state)
{
	static const char golden[] = "{\n"
				     " \"schema\": 1,\n"
				     " \"app\": \"an \\\"app\\\"\",\n"
				     " \"role\": \"back\\\\slash \\u0009\\u000a\\u001f\x7f\",\n"
				     " \"most\": 18446744073709551615,\n"
				     " \"third\": 0.10000000000000001,\n"
				     " \"none\": null,\n"
				     " \"yes\": true,\n"
				     " \"empty\": {},\n"
				     " \"list\": [\n"
				     "  {\n"
				     "   \"a\": [\n"
				     "    1,\n"
				     "    2\n"
				     "   ]\n"
				     "  },\n"
				     "  []\n"
				     " ],\n"
				     " \"utf8\": \"\xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80 "
				     "\\ufffd\\ufffd\\ufffd\"\n"
				     "}\n";
	char path[96];
	size_t length;
	uint8_t *text;
	struct stats *s;

	unit_path(state, "stats", path, sizeof(path));
	s = stats_open(path, "an \"app\"", "back\\slash \t\n\x1f\x7f");
	assert_non_null(s);
	stats_count(s, "most", UINT64_MAX);
	stats_number(s, "third", 0.1);
	stats_number(s, "none", INFINITY);
	stats_flag(s, "yes", true);
	stats_object_begin(s, "empty");
	stats_object_end(s);
	stats_array_begin(s, "list");
	stats_object_begin(s, NULL);
	stats_array_begin(s, "a");
	stats_count(s, NULL, 1);
	stats_count(s, NULL, 2);
	stats_array_end(s);
	stats_object_end(s);
	stats_array_begin(s, NULL);
	stats_array_end(s);
	stats_array_end(s);
	/* A stray byte, an overlong form and one that is cut off by the end. */
	stats_string(s, "utf8", "\xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80 \xff\xc0\xe2");
	assert_int_equal(access(path, F_OK), -1); /* nothing is there before it is whole */
	assert_int_equal(stats_close(s), 0);
	text = unit_read(path, &length);
	assert_string_equal((char *)text, golden);
	free(text);
	assert_int_equal(unlink(path), 0);
}

static void
a_finished_file_takes_more_fields(void **state)
{
	static const char golden[] = "{\n \"schema\": 1,\n \"app\": \"a\",\n \"role\": \"b\",\n"
				     " \"pool\": {\n  \"size\": 7\n },\n \"last\": true\n}\n";
	char path[96];
	size_t length;
	uint8_t *text;
	struct stats *s;
	FILE *other;

	unit_path(state, "more", path, sizeof(path));
	assert_null(stats_extend(path));
	assert_int_equal(errno, ENOENT);
	s = stats_open(path, "a", "b");
	assert_int_equal(stats_close(s), 0);
	s = stats_extend(path);
	assert_non_null(s);
	stats_object_begin(s, "pool");
	stats_count(s, "size", 7);
	stats_object_end(s);
	assert_int_equal(stats_close(s), 0);
	s = stats_extend(path);
	assert_non_null(s);
	stats_flag(s, "last", true);
	assert_int_equal(stats_close(s), 0);
	text = unit_read(path, &length);
	assert_string_equal((char *)text, golden);
	free(text);
	/* What is cut off is no file of ours. */
	other = fopen(path, "we");
	assert_non_null(other);
	assert_true(fputs("{\n \"schema\": 1", other) >= 0);
	assert_int_equal(fclose(other), 0);
	assert_null(stats_extend(path));
	assert_int_equal(errno, EINVAL);
	assert_int_equal(unlink(path), 0);
}

static void
threads_are_those_of_this_process(void **state)
{
	char path[96], wanted[64];
	size_t length;
	uint8_t *text;
	struct stats *s;

	unit_path(state, "threads", path, sizeof(path));
	s = stats_open(path, "a", "b");
	stats_threads(s);
	assert_int_equal(stats_close(s), 0);
	text = unit_read(path, &length);
	(void)snprintf(wanted, sizeof(wanted), "\"tid\": %ld,", (long)getpid());
	assert_non_null(strstr((char *)text, wanted));
	assert_non_null(strstr((char *)text, "\"name\": \"test_stats\""));
	assert_non_null(strstr((char *)text, "\"voluntary_switches\": "));
	assert_null(strstr((char *)text, "\"allowed\": \"\""));
	free(text);
	assert_int_equal(unlink(path), 0);
}

/* Misuse gives no file, and the one that was there stays. */
static void
what_is_no_json_is_not_written(void **state)
{
	char path[96];
	size_t length;
	uint8_t *text;
	FILE *old;

	unit_path(state, "misuse", path, sizeof(path));
	old = fopen(path, "we");
	assert_non_null(old);
	assert_true(fputs("old", old) >= 0);
	assert_int_equal(fclose(old), 0);
	for (int i = 0; i < 6; i++) {
		struct stats *s = stats_open(path, "a", "b");

		if (i == 0)
			stats_object_begin(s, "never closed");
		else if (i == 1)
			stats_count(s, NULL, 1); /* no key in an object */
		else if (i == 2)
			stats_object_end(s); /* the root is not theirs to close */
		else if (i == 3)
			stats_array_end(s);
		else if (i == 4)
			stats_array_begin(s, "a"), stats_count(s, "key", 1), stats_array_end(s);
		else
			for (int depth = 0; depth < 40; depth++)
				stats_object_begin(s, "deeper");
		errno = 0;
		assert_int_equal(stats_close(s), -1);
		assert_int_equal(errno, EINVAL);
		text = unit_read(path, &length);
		assert_string_equal((char *)text, "old");
		free(text);
	}
	assert_int_equal(unlink(path), 0);
}

static void
failures_are_said(void **state)
{
	char path[96], partial[128];
	struct stats *s;

	unit_path(state, "no/such", path, sizeof(path));
	assert_null(stats_open(path, "a", "b"));
	assert_int_equal(errno, ENOENT);
	unit_path(state, "full", path, sizeof(path));
	(void)snprintf(partial, sizeof(partial), "%s.partial.%ld", path, (long)getpid());
	assert_int_equal(symlink("/dev/full", partial), 0);
	s = stats_open(path, "a", "b");
	assert_non_null(s);
	assert_int_equal(stats_close(s), -1);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(access(partial, F_OK), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(golden_text),
			cmocka_unit_test(a_finished_file_takes_more_fields),
			cmocka_unit_test(threads_are_those_of_this_process),
			cmocka_unit_test(what_is_no_json_is_not_written),
			cmocka_unit_test(failures_are_said),
	};

	return cmocka_run_group_tests_name("stats", tests, unit_folder_make, unit_folder_remove);
}
