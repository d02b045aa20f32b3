#include "sockperf_options.h"

#include <stdio.h>

#include "options.h"

#define DEFAULT_SIZE 64

const char *const sockperf_role_names[] = {"server", "ping-pong", NULL};

struct sockperf_arguments
sockperf_defaults(void)
{
	struct sockperf_arguments a = {.size = DEFAULT_SIZE, .mode = TCP_BLOCK};

	generator_options_begin(&a.measure, 0);
	return a;
}

enum sockperf_option { ROLE = 1, ADDRESS, PORT, MODE, SIZE };

static const struct option long_options[] = {
		{"help", no_argument, NULL, 'h'},
		{"role", required_argument, NULL, ROLE},
		{"address", required_argument, NULL, ADDRESS},
		{"port", required_argument, NULL, PORT},
		{"mode", required_argument, NULL, MODE},
		{"size", required_argument, NULL, SIZE},
		MEASURING_LONG_OPTIONS,
		{NULL, 0, NULL, 0},
};

static void
print_help(void)
{
	(void)fputs(SOCKPERF_NAME
			": runs sockperf's ping-pong over TCP, or its server\n"
			"  --role server|ping-pong\n"
			"  --address IP --port PORT   the server's\n"
			"  --mode block|poll   sleep until something comes, or never sleep "
			"(block)\n"
			"  --size BYTES        of a message (64)\n"
			"  --warmup S --window S   of the ping-pong; sockperf leaves out 0.4 s and "
			"more itself\n"
			"  --samples FILE      the ping-pong's samples\n"
			"  --stats FILE        statistics\n"
			"  --linger            print @done at the end and stay until SIGINT or "
			"SIGTERM\n",
			stdout);
}

static bool
take(void *options, int option, const char *text)
{
	struct sockperf_arguments *a = options;

	switch (option) {
	case ROLE:
		return a->has_role = option_choice("--role", text, sockperf_role_names, &a->role);
	case ADDRESS:
		a->address = text;
		return true;
	case PORT:
		return option_count16("--port", text, 1, UINT16_MAX, &a->port);
	case MODE:
		return option_tcp_mode("--mode", text, &a->mode);
	case SIZE:
		return option_count32("--size", text, 14, 65000, &a->size);
	default:
		return generator_option(&a->measure, option, text, 0);
	}
}

static bool
complete(void *options)
{
	const struct sockperf_arguments *a = options;

	return option_given(a->has_role, "--role") &&
	       option_given(a->address != NULL, "--address") &&
	       option_given(a->port > 0, "--port") &&
	       (a->role == SOCKPERF_SERVER ? option_given(a->measure.stats != NULL, "--stats")
					   : measuring_options_check(&a->measure));
}

const struct option_reader sockperf_options = {
		.table = long_options,
		.help = print_help,
		.take = take,
		.complete = complete,
};
