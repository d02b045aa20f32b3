/*
 * A mount that answers by itself, through the same relay as a store's: the stage "FUSE only" of the
 * figures. What is written there is lost.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "options.h"
#include "relay.h"
#include "self_answerer.h"
#include "startup.h"

#define CALIBRATE_MS 20
#define FILE_MB 64
#define FILE_MB_MOST (1u << 20)

struct arguments {
	const char *mount;
	const char *stats;
	uint64_t file_mb;
};

enum self_option { MOUNT = 1, FILE_SIZE, STATS };

static const struct option long_options[] = {
		{"help", no_argument, NULL, 'h'},
		{"mount", required_argument, NULL, MOUNT},
		{"file-mb", required_argument, NULL, FILE_SIZE},
		{"stats", required_argument, NULL, STATS},
		{NULL, 0, NULL, 0},
};

static void
print_help(void)
{
	(void)fputs("store_mount_self: mounts one file `data` of zeros, which takes writes and "
		    "forgets "
		    "them,\n"
		    "until SIGINT or SIGTERM\n"
		    "  --mount DIR         folder that it is mounted at\n"
		    "  --file-mb N         size of the file (64)\n"
		    "  --stats FILE        statistics, written at the end\n",
			stdout);
}

static bool
take(void *options, int option, const char *text)
{
	struct arguments *a = options;

	switch (option) {
	case MOUNT:
		a->mount = text;
		return true;
	case FILE_SIZE:
		return option_count("--file-mb", text, 0, FILE_MB_MOST, &a->file_mb);
	case STATS:
		a->stats = text;
		return true;
	default:
		return false;
	}
}

static bool
complete(void *options)
{
	const struct arguments *a = options;

	return option_given(a->mount != NULL, "--mount") &&
	       option_given(a->stats != NULL, "--stats");
}

static const struct option_reader reader = {
		.table = long_options,
		.help = print_help,
		.take = take,
		.complete = complete,
};

static int
report(const struct arguments *a, const struct relay *r, uint64_t ticks_per_s)
{
	struct stats *s = stats_open(a->stats, "store_mount_self", "sut");

	if (s != NULL) {
		stats_count(s, "ticks_per_s", ticks_per_s);
		stats_count(s, "file_mb", a->file_mb);
		relay_report(r, s);
		stats_array_begin(s, "queues");
		stats_array_end(s);
		stats_threads(s);
		if (stats_close(s) == 0)
			return 0;
	}
	complain("cannot write %s: %s", a->stats, strerror(errno));
	return -1;
}

static int
mount_and_report(const struct arguments *a, struct self_answerer *answerer)
{
	uint64_t ticks_per_s = (uint64_t)clock_calibrate(CALIBRATE_MS);
	const struct relay_config config =
			relay_config_at_once(&answerer->answerer, REQUEST_BYTES_MAX, ticks_per_s);
	struct relay *r = relay_create(&config);
	int result = -1;

	if (r != NULL) {
		result = relay_mount(r, a->mount, "file=data");
		if (report(a, r, ticks_per_s) != 0)
			result = -1;
	}
	relay_destroy(r);
	return result;
}

int
main(int argc, char *argv[])
{
	struct arguments a = {.file_mb = FILE_MB};
	struct self_answerer *answerer;
	int result = startup("store_mount_self", &reader, &a, argc, argv);

	if (result >= 0)
		return result;
	answerer = self_answerer_create(a.file_mb << 20);
	result = answerer != NULL ? mount_and_report(&a, answerer) : -1;
	free(answerer);
	return result == 0 ? EXIT_DONE : EXIT_FAILED;
}
