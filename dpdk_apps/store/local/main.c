/*
 * The store without a network: its file system mounted through /dev/fuse, with the executor in
 * the same process. To test it, and as the stage "FUSE and store" of the figures.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "executor.h"
#include "mounting.h"
#include "options.h"
#include "serving.h"

struct arguments {
	struct executor_options executor;
	const char *mount;
};

enum local_option { HELP = 1, BACKING, MOUNT, DURABILITY, CACHE };

static const struct option long_options[] = {
		{"help", no_argument, NULL, HELP},
		{"backing", required_argument, NULL, BACKING},
		{"mount", required_argument, NULL, MOUNT},
		{"durability", required_argument, NULL, DURABILITY},
		{"cache", required_argument, NULL, CACHE},
		{NULL, 0, NULL, 0},
};

static const char help[] =
		"store_local: mounts the store's file system without a network, until SIGINT or "
		"SIGTERM\n"
		"  --backing DIR       folder that is served\n"
		"  --mount DIR         folder that it is mounted at\n"
		"  --durability memory|log|dsync\n"
		"                      what an answer says about the data (log)\n"
		"  --cache none|auto   whether the kernel keeps data between open and close "
		"(none)\n";

/* -1: go on; else the exit code. */
static int
read_options(int argc, char *argv[], struct arguments *a)
{
	int option, durability = DURABILITY_LOG, cache = CACHE_NONE;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
		bool right = true;

		switch (option) {
		case HELP:
			(void)fputs(help, stdout);
			return EXIT_DONE;
		case BACKING:
			a->executor.backing = optarg;
			break;
		case MOUNT:
			a->mount = optarg;
			break;
		case DURABILITY:
			right = option_choice(
					"--durability", optarg, durability_names, &durability);
			break;
		case CACHE:
			right = option_choice("--cache", optarg, cache_names, &cache);
			break;
		default:
			option_refused(option, argv);
			right = false;
		}
		if (!right)
			return EXIT_WRONG_USE;
	}
	a->executor.durability = (enum durability)durability;
	a->executor.cache = (enum cache)cache;
	if (a->executor.backing == NULL)
		complain("--backing is missing; --help lists the options");
	else if (a->mount == NULL)
		complain("--mount is missing; --help lists the options");
	else if (optind < argc)
		complain("'%s' is no option of this program; --help lists them", argv[optind]);
	else
		return -1;
	return EXIT_WRONG_USE;
}

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
	struct arguments a = {0};
	struct executor *e;
	int result;

	if (lifecycle_begin("store_local") != 0) {
		complain("cannot install signal handlers: %s", strerror(errno));
		return EXIT_FAILED;
	}
	result = read_options(argc, argv, &a);
	if (result >= 0)
		return result;
	e = executor_open(&a.executor);
	if (e == NULL)
		return EXIT_FAILED;
	result = mount_and_serve(&a, e);
	executor_close(e);
	return result == 0 ? EXIT_DONE : EXIT_FAILED;
}
