/* Prints the round trip of a cache line between two CPUs as one line of JSON. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "lifecycle.h"
#include "options.h"
#include "probe.h"
#include "startup.h"

#define DEFAULT_MS 20

struct arguments {
	uint64_t cpus[2];
	uint64_t ms;
	bool has_cpus;
};

enum probe_option { CPUS = 1, MS };

static const struct option long_options[] = {
		{"help", no_argument, NULL, 'h'},
		{"cpus", required_argument, NULL, CPUS},
		{"ms", required_argument, NULL, MS},
		{NULL, 0, NULL, 0},
};

static void
print_help(void)
{
	(void)fputs("cacheline_probe: times a cache line from one CPU to another and back\n"
		    "  --cpus A,B   two different CPUs\n"
		    "  --ms MS      how long (20)\n",
			stdout);
}

/* "A,B". */
static bool
parse_cpus(const char *text, uint64_t cpus[2])
{
	const char *comma = strchr(text, ',');
	char first[16];

	if (comma == NULL || (size_t)(comma - text) >= sizeof(first)) {
		complain("--cpus '%s': write two CPUs, as in 0,1", text);
		return false;
	}
	memcpy(first, text, (size_t)(comma - text));
	first[comma - text] = '\0';
	if (!option_count("--cpus", first, 0, CPU_SETSIZE - 1, &cpus[0]) ||
			!option_count("--cpus", comma + 1, 0, CPU_SETSIZE - 1, &cpus[1]))
		return false;
	if (cpus[0] == cpus[1])
		complain("--cpus '%s': a line does not travel within one CPU, write two different "
			 "ones",
				text);
	return cpus[0] != cpus[1];
}

static bool
take(void *options, int option, const char *text)
{
	struct arguments *a = options;

	switch (option) {
	case CPUS:
		return a->has_cpus = parse_cpus(text, a->cpus);
	case MS:
		return option_count("--ms", text, 1, 10000, &a->ms);
	default:
		return false;
	}
}

static bool
complete(void *options)
{
	return option_given(((struct arguments *)options)->has_cpus, "--cpus");
}

static const struct option_reader reader = {
		.table = long_options,
		.help = print_help,
		.take = take,
		.complete = complete,
};

int
main(int argc, char *argv[])
{
	struct arguments a = {.ms = DEFAULT_MS};
	struct probe_result result = {0};
	int code = startup("cacheline_probe", &reader, &a, argc, argv);

	if (code >= 0)
		return code;
	if (probe_run((unsigned int)a.cpus[0], (unsigned int)a.cpus[1], (unsigned int)a.ms,
			    &result) != 0)
		return EXIT_FAILED;
	printf("{\"cpus\":[%" PRIu64 ",%" PRIu64
	       "],\"round_trip_ns_p50\":%.1f,\"round_trip_ns_p10\":%.1f,\"rounds\":%" PRIu64 "}\n",
			a.cpus[0], a.cpus[1], result.p50_ns, result.p10_ns, result.rounds);
	return fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
}
