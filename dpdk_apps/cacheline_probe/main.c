/* Prints the round trip of a cache line between two CPUs as one line of JSON. */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "lifecycle.h"
#include "options.h"
#include "probe.h"

#define DEFAULT_MS 20

enum probe_option { HELP = 1, CPUS, MS };

static const struct option long_options[] = {
		{"help", no_argument, NULL, HELP},
		{"cpus", required_argument, NULL, CPUS},
		{"ms", required_argument, NULL, MS},
		{NULL, 0, NULL, 0},
};

static const char help[] = "cacheline_probe: times a cache line from one CPU to another and back\n"
			   "  --cpus A,B   two different CPUs\n"
			   "  --ms MS      how long (20)\n";

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

int
main(int argc, char *argv[])
{
	uint64_t cpus[2];
	uint64_t ms = DEFAULT_MS;
	bool has_cpus = false;
	struct probe_result result = {0};
	int option;

	if (lifecycle_begin("cacheline_probe") != 0) {
		complain("cannot install signal handlers: %s", strerror(errno));
		return EXIT_FAILED;
	}
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
		bool right = false;

		if (option == HELP) {
			(void)fputs(help, stdout);
			return EXIT_DONE;
		} else if (option == CPUS) {
			right = has_cpus = parse_cpus(optarg, cpus);
		} else if (option == MS) {
			right = option_count("--ms", optarg, 1, 10000, &ms);
		} else {
			option_refused(option, argv);
		}
		if (!right)
			return EXIT_WRONG_USE;
	}
	if (!has_cpus || optind < argc) {
		if (!has_cpus)
			complain("--cpus is missing; --help lists the options");
		else
			complain("'%s' is no option of this program; --help lists them",
					argv[optind]);
		return EXIT_WRONG_USE;
	}
	if (probe_run((unsigned int)cpus[0], (unsigned int)cpus[1], (unsigned int)ms, &result) != 0)
		return EXIT_FAILED;
	printf("{\"cpus\":[%" PRIu64 ",%" PRIu64
	       "],\"round_trip_ns_p50\":%.1f,\"round_trip_ns_p10\":%.1f,\"rounds\":%" PRIu64 "}\n",
			cpus[0], cpus[1], result.p50_ns, result.p10_ns, result.rounds);
	return fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
}
