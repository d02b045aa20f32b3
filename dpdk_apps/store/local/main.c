/*
 * The store without a network: its file system mounted through /dev/fuse, with the executor in
 * the same process. To test it, and as the stage "FUSE and store" of the figures.
 */
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "executor_answerer.h"
#include "executor_options.h"
#include "lifecycle.h"
#include "options.h"
#include "relay.h"
#include "startup.h"

struct arguments {
	struct executor_options executor;
	const char *mount;
};

#define CALIBRATE_MS 20

enum local_option { BACKING = 1, MOUNT, DURABILITY, CACHE };

static const struct option long_options[] = {
		{"help", no_argument, NULL, 'h'},
		{"backing", required_argument, NULL, BACKING},
		{"mount", required_argument, NULL, MOUNT},
		{"durability", required_argument, NULL, DURABILITY},
		{"cache", required_argument, NULL, CACHE},
		{NULL, 0, NULL, 0},
};

static void
print_help(void)
{
	(void)fputs("store_local: mounts the store's file system without a network, until SIGINT "
		    "or SIGTERM\n"
		    "  --backing DIR       folder that is served\n"
		    "  --mount DIR         folder that it is mounted at\n"
		    "  --durability memory|log|dsync\n"
		    "                      what an answer says about the data (log)\n"
		    "  --cache none|auto   whether the kernel keeps data between open and close "
		    "(none)\n",
			stdout);
}

static bool
take(void *options, int option, const char *text)
{
	struct arguments *a = options;

	switch (option) {
	case BACKING:
		a->executor.backing = text;
		return true;
	case MOUNT:
		a->mount = text;
		return true;
	case DURABILITY:
		return option_durability("--durability", text, &a->executor.durability);
	case CACHE:
		return option_cache("--cache", text, &a->executor.cache);
	default:
		return false;
	}
}

static bool
complete(void *options)
{
	const struct arguments *a = options;

	return option_given(a->executor.backing != NULL, "--backing") &&
	       option_given(a->mount != NULL, "--mount");
}

static const struct option_reader reader = {
		.table = long_options,
		.help = print_help,
		.take = take,
		.complete = complete,
};

static int
mount_and_serve(const struct arguments *a, struct executor_answerer *answerer)
{
	uint64_t ticks_per_s = (uint64_t)clock_calibrate(CALIBRATE_MS);
	const struct relay_config config = relay_config_at_once(
			&answerer->answerer, EXECUTOR_REQUEST_MAX, ticks_per_s);
	struct relay *r = relay_create(&config);
	char ready[64];
	int result = -1;

	(void)snprintf(ready, sizeof(ready), "durability=%s cache=%s",
			durability_names[a->executor.durability], cache_names[a->executor.cache]);
	if (r != NULL)
		result = relay_mount(r, a->mount, ready);
	relay_destroy(r);
	return result;
}

int
main(int argc, char *argv[])
{
	struct arguments a = {
			.executor = {.durability = DURABILITY_LOG, .cache = CACHE_NONE},
	};
	struct executor_answerer *answerer;
	struct executor *e;
	int result = startup("store_local", &reader, &a, argc, argv);

	if (result >= 0)
		return result;
	e = executor_open(&a.executor);
	if (e == NULL)
		return EXIT_FAILED;
	answerer = executor_answerer_create(e);
	result = answerer != NULL ? mount_and_serve(&a, answerer) : -1;
	free(answerer);
	executor_close(e);
	return result == 0 ? EXIT_DONE : EXIT_FAILED;
}
