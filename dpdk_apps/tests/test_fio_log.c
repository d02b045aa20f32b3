/* What fio logs of each operation, as samples. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fio_argv.h"
#include "fio_log.h"
#include "fio_said.h"
#include "wire.h"

#define SAMPLES_HEADER_BYTES 48

static char path[] = "/tmp/test_fio_log_XXXXXX";

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

/* Reads what recorder_write() made of the log: count, then gaps, then durations. */
static uint64_t
write_and_read(const struct fio_log *log, uint32_t *numbers, size_t most)
{
	uint8_t bytes[SAMPLES_HEADER_BYTES + 4 * 16] = {0};
	uint64_t count;
	FILE *file;

	assert_int_equal(recorder_write(log->recorder, path, 1e9), 0);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_true(fread(bytes, 1, sizeof(bytes), file) > SAMPLES_HEADER_BYTES);
	assert_int_equal(fclose(file), 0);
	count = wire_get_le64(bytes + 16);
	assert_true(2 * count <= most);
	for (uint64_t i = 0; i < 2 * count; i++)
		numbers[i] = wire_get_le32(bytes + SAMPLES_HEADER_BYTES + 4 * i);
	return count;
}

/* Durations to the nanosecond; beginnings in order, though the ends are known to the millisecond.
 */
static void
every_operation_is_a_sample(void **state)
{
	struct fio_log log;
	uint32_t n[16];

	(void)state;
	write_log("1, 10500, 0, 4096, 0\n"
		  "1, 9000, 1, 4096, 0\n"
		  "3, 2000500, 0, 4096, 0\n"
		  "5, 11000, 0, 4096, 0\n");
	assert_int_equal(fio_log_read(path, 0, &log), 0);
	assert_true(log.window_s > 0.00499 && log.window_s < 0.00501);
	assert_int_equal(write_and_read(&log, n, 16), 4);
	/* 989.5 us, 991 us, then one that began before: in order all the same. */
	assert_int_equal(n[1], 1500);
	assert_int_equal(n[2], 8500);
	assert_int_equal(n[3], 3989500);
	assert_int_equal(n[4], 10500);
	assert_int_equal(n[5], 9000);
	assert_int_equal(n[6], 2000500);
	assert_int_equal(n[7], 11000);
	recorder_destroy(log.recorder);
}

static void
nonsense_is_refused_with_its_line(void **state)
{
	struct fio_log log;

	(void)state;
	write_log("1, 10500, 0, 4096, 0\nfio: terminated\n");
	assert_int_equal(fio_log_read(path, 0, &log), -1);
	recorder_destroy(log.recorder);
	/* Cut off in the middle of a line. */
	write_log("1, 10500, 0, 4096, 0\n1, 105");
	assert_int_equal(fio_log_read(path, 0, &log), -1);
	recorder_destroy(log.recorder);
	write_log("");
	assert_int_equal(fio_log_read(path, 5, &log), -1);
	recorder_destroy(log.recorder);
	assert_int_equal(fio_log_read("/nowhere", 0, &log), -1);
	assert_null(log.recorder);
}

/* They are in no line of the log. */
static void
operations_that_failed_are_lost(void **state)
{
	struct recorder_counts c;
	struct fio_log log;

	(void)state;
	write_log("1, 10500, 0, 4096, 0\n2, 9000, 1, 4096, 0\n");
	assert_int_equal(fio_log_read(path, 3, &log), 0);
	c = recorder_counts(log.recorder);
	assert_int_equal(c.sent, 5);
	assert_int_equal(c.returned, 2);
	assert_int_equal(c.lost, 3);
	recorder_destroy(log.recorder);
}

static void
what_fio_says_is_found_among_its_json(void **state)
{
	struct fio_said said;

	(void)state;
	write_log("{fio: first\nfio: pid=7, err=5: the last\n  \"jobs\" : [\n"
		  "      \"jobname\" : \"fio: no message\",\n      \"total_err\" : 12,\n}\n");
	assert_int_equal(fio_said_read(path, &said), 0);
	assert_int_equal(said.errors, 12);
	assert_string_equal(said.complaint, "pid=7, err=5: the last");
	write_log("{\n}\n");
	assert_int_equal(fio_said_read(path, &said), 0);
	assert_int_equal(said.errors, 0);
	assert_string_equal(said.complaint, "");
	assert_int_equal(fio_said_read("/nowhere", &said), -1);
}

static bool
has(const struct fio_argv *v, const char *word)
{
	for (int i = 0; i < v->count; i++)
		if (strcmp(v->words[i], word) == 0)
			return true;
	return false;
}

/* Each value is one word, which no shell sees. */
static void
fio_is_told_what_is_asked(void **state)
{
	struct fio_arguments a = fio_defaults();
	struct fio_argv *v = calloc(1, sizeof(*v));

	(void)state;
	assert_non_null(v);
	a.file = "/mnt/a b; c";
	a.json = "j";
	a.op = FIO_MIXED;
	a.write_percent = 20;
	a.engine = FIO_IO_URING;
	a.depth = 8;
	a.measure.warmup_s = 0.25;
	a.measure.window_s = 1.5;
	fio_argv_make(v, &a, "log");
	assert_true(v->fits);
	assert_null(v->words[v->count]);
	assert_true(has(v, "--filename=/mnt/a b; c"));
	assert_true(has(v, "--rw=randrw") && has(v, "--rwmixwrite=20"));
	assert_true(has(v, "--ioengine=io_uring") && has(v, "--iodepth=8"));
	assert_true(has(v, "--ramp_time=250ms") && has(v, "--runtime=1500ms"));
	assert_true(has(v, "--direct=1") && has(v, "--write_lat_log=log"));
	free(v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(every_operation_is_a_sample),
			cmocka_unit_test(nonsense_is_refused_with_its_line),
			cmocka_unit_test(operations_that_failed_are_lost),
			cmocka_unit_test(what_fio_says_is_found_among_its_json),
			cmocka_unit_test(fio_is_told_what_is_asked),
	};

	return cmocka_run_group_tests_name("fio_log", tests, make_file, remove_file);
}
