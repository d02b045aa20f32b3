#include "fio_options.h"

#include <stdio.h>
#include <string.h>

#include "lifecycle.h"
#include "options.h"

#define SIZE_MIN 64
#define SIZE_MAX_BYTES (1u << 20)
#define DEPTH_MAX 1024
#define FILE_MB_MAX 4096

const char *const fio_op_names[] = {"read", "write", "mixed", NULL};
const char *const fio_engine_names[] = {"psync", "io_uring", NULL};

struct fio_arguments
fio_defaults(void)
{
	struct fio_arguments a = {.size = 4096, .file_mb = 16, .depth = 1, .write_percent = 30};

	generator_options_begin(&a.measure, 0);
	return a;
}

enum fio_option { FILE_NAME = 1, SIZE, FILE_MB, OP, WRITE_PERCENT, DEPTH, ENGINE, JSON };

static const struct option long_options[] = {
		{"help", no_argument, NULL, 'h'},
		{"file", required_argument, NULL, FILE_NAME},
		{"size", required_argument, NULL, SIZE},
		{"file-mb", required_argument, NULL, FILE_MB},
		{"op", required_argument, NULL, OP},
		{"write-percent", required_argument, NULL, WRITE_PERCENT},
		{"depth", required_argument, NULL, DEPTH},
		{"engine", required_argument, NULL, ENGINE},
		{"json", required_argument, NULL, JSON},
		MEASURING_LONG_OPTIONS,
		{NULL, 0, NULL, 0},
};

static void
print_help(void)
{
	(void)fputs(FIO_NAME
			": runs fio on one file, with direct I/O at random places, as a process of "
			"a "
			"trial\n"
			"  --file FILE         made and filled where it is not there\n"
			"  --file-mb N         its size in MiB (16)\n"
			"  --size BYTES        of an operation (4096)\n"
			"  --op read|write|mixed\n"
			"  --write-percent N   of the operations of mixed (30)\n"
			"  --depth N           operations in flight (1)\n"
			"  --engine psync|io_uring\n"
			"                      how fio asks (psync, which has one in flight)\n"
			"  --warmup S --window S\n"
			"  --samples FILE      what fio logs of each operation, as samples\n"
			"  --stats FILE        statistics\n"
			"  --json FILE         what fio reports itself\n"
			"  --linger            print @done at the end and stay until SIGINT or "
			"SIGTERM\n",
			stdout);
}

static bool
take(void *options, int option, const char *text)
{
	struct fio_arguments *a = options;

	switch (option) {
	case FILE_NAME:
		a->file = text;
		return true;
	case SIZE:
		return option_count32("--size", text, SIZE_MIN, SIZE_MAX_BYTES, &a->size);
	case FILE_MB:
		return option_count32("--file-mb", text, 1, FILE_MB_MAX, &a->file_mb);
	case OP:
		return option_choice("--op", text, fio_op_names, &a->op);
	case WRITE_PERCENT:
		return option_count32("--write-percent", text, 0, 100, &a->write_percent);
	case DEPTH:
		return option_count32("--depth", text, 1, DEPTH_MAX, &a->depth);
	case ENGINE:
		return option_choice("--engine", text, fio_engine_names, &a->engine);
	case JSON:
		a->json = text;
		return true;
	default:
		return generator_option(&a->measure, option, text, 0);
	}
}

static bool
complete(void *options)
{
	const struct fio_arguments *a = options;

	if (!option_given(a->file != NULL, "--file") || !option_given(a->json != NULL, "--json") ||
			!measuring_options_check(&a->measure))
		return false;
	/* fio takes what stands before a colon for a file of its own. */
	if (strchr(a->file, ':') != NULL) {
		complain("--file %s: fio splits names at a colon; give one without", a->file);
		return false;
	}
	if (a->engine == FIO_PSYNC && a->depth > 1) {
		complain("--depth %u: psync has one operation in flight; give --engine io_uring",
				a->depth);
		return false;
	}
	return true;
}

const struct option_reader fio_options = {
		.table = long_options,
		.help = print_help,
		.take = take,
		.complete = complete,
};
