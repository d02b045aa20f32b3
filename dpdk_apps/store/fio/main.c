/*
 * fio as a process of a trial: it runs on a file, and what it logs of each operation becomes our
 * samples and statistics. What fio says itself stays beside them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "child.h"
#include "fio_argv.h"
#include "fio_file.h"
#include "fio_log.h"
#include "fio_options.h"
#include "fio_said.h"
#include "foreign_report.h"
#include "lifecycle.h"
#include "startup.h"

#define INSTALL "install the package fio"
#define PATH_BYTES 4096

/* fio appends to the name what each log is about. */
static const char *const logs[] = {"lat", "clat", "slat"};

static bool
log_path(char path[PATH_BYTES], const struct fio_arguments *a, const char *what)
{
	return snprintf(path, PATH_BYTES, "%s.fio_%s.log", a->measure.samples, what) < PATH_BYTES;
}

/* Their numbers are in the samples. */
static void
remove_logs(const struct fio_arguments *a)
{
	char path[PATH_BYTES];

	for (size_t i = 0; i < sizeof(logs) / sizeof(logs[0]); i++)
		if (log_path(path, a, logs[i]))
			(void)unlink(path);
}

static int
report(const struct fio_arguments *a, uint64_t errors)
{
	struct fio_log log;
	char path[PATH_BYTES];
	int code = EXIT_FAILED;

	if (log_path(path, a, "lat") && fio_log_read(path, errors, &log) == 0)
		code = foreign_report(
				&(struct foreign_run){
						.app = FIO_NAME,
						.depth = a->depth,
						.size = a->size,
						.warmup_s = a->measure.warmup_s,
						.window_s = a->measure.window_s,
						.window_actual_s = log.window_s,
						.samples = a->measure.samples,
						.stats = a->measure.stats,
				},
				log.recorder);
	recorder_destroy(log.recorder);
	return code;
}

/* From the file to the statistics. An exit code. */
static int
run(const struct fio_arguments *a, struct fio_argv *argv)
{
	char prefix[PATH_BYTES];
	struct fio_said said;
	pid_t child;
	int code;

	if (snprintf(prefix, sizeof(prefix), "%s.fio", a->measure.samples) < PATH_BYTES)
		fio_argv_make(argv, a, prefix);
	if (!argv->fits) {
		complain("a path of the command line is too long for fio");
		return EXIT_WRONG_USE;
	}
	if (fio_file_fill(a->file, a->file_mb) != 0)
		return EXIT_FAILED;
	lifecycle_ready("engine=%s depth=%u", fio_engine_names[a->engine], a->depth);
	child = child_start(argv->words, INSTALL);
	if (child < 0)
		return EXIT_FAILED;
	code = child_wait(child, "fio");
	if (lifecycle_stopping() || fio_said_read(a->json, &said) != 0)
		return EXIT_FAILED;
	if (code != 0) {
		complain("fio ended with code %d: %s", code,
				said.complaint[0] != '\0' ? said.complaint : "it says nothing");
		return EXIT_FAILED;
	}
	if (said.errors > 0)
		complain("%" PRIu64 " operations failed: %s", said.errors, said.complaint);
	return report(a, said.errors);
}

int
main(int argc, char *argv[])
{
	struct fio_arguments a = fio_defaults();
	int code = startup(FIO_NAME, &fio_options, &a, argc, argv);
	struct fio_argv *called;

	if (code >= 0)
		return code;
	called = calloc(1, sizeof(*called));
	if (called == NULL) {
		complain("out of memory");
		return EXIT_FAILED;
	}
	code = run(&a, called);
	remove_logs(&a);
	free(called);
	if (code == EXIT_DONE && a.measure.linger)
		lifecycle_linger();
	return code;
}
