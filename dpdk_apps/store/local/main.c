/*
 * The store without a network: its file system mounted through /dev/fuse, with the executor in
 * the same process. To test it, and as the stage "FUSE and store" of the figures.
 */
#include <stdio.h>

#include "executor.h"
#include "executor_options.h"
#include "lifecycle.h"
#include "mounting.h"
#include "options.h"
#include "serving.h"
#include "startup.h"

struct arguments {
	struct executor_options executor;
	const char *mount;
};

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
mount_and_serve(const struct arguments *a, struct executor *e)
{
	struct mounting mounting;
	int result;

	if (mounting_begin(&mounting, a->mount) != 0)
		return -1;
	lifecycle_ready("durability=%s cache=%s", durability_names[a->executor.durability],
			cache_names[a->executor.cache]);
	result = serve(&mounting, e);
	return mounting_end(&mounting) == 0 ? result : -1;
}

int
main(int argc, char *argv[])
{
	struct arguments a = {
			.executor = {.durability = DURABILITY_LOG, .cache = CACHE_NONE},
	};
	struct executor *e;
	int result = startup("store_local", &reader, &a, argc, argv);

	if (result >= 0)
		return result;
	e = executor_open(&a.executor);
	if (e == NULL)
		return EXIT_FAILED;
	result = mount_and_serve(&a, e);
	executor_close(e);
	return result == 0 ? EXIT_DONE : EXIT_FAILED;
}
