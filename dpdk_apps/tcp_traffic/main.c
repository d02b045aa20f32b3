/*
 * TCP generator and meter, the twin of traffic: the same messages, flows, loops
 * and recorder over connections of the kernel.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "clock.h"
#include "connections.h"
#include "generator_options.h"
#include "loop.h"
#include "message.h"
#include "meter.h"
#include "options.h"
#include "report.h"

#define TIMEOUT_MS 1000
#define CALIBRATE_MS 20

struct arguments {
	struct generator_options generator;
	struct endpoint address;
	uint64_t workers; /* of a Unix socket */
	bool has_address;
	enum tcp_mode mode;
	bool has_mode;
};

enum traffic_option { HELP = 1, CONNECT, WORKERS, MODE };

#define MAX_WORKERS 256

static const struct option long_options[] = {
		{"help", no_argument, NULL, HELP},
		{"connect", required_argument, NULL, CONNECT},
		{"workers", required_argument, NULL, WORKERS},
		{"mode", required_argument, NULL, MODE},
		GENERATOR_LONG_OPTIONS,
		{NULL, 0, NULL, 0},
};

static const char help[] =
		"tcp_traffic: sends messages over TCP, checks and times what comes back\n"
		"  --connect WHERE     the echo, IP:PORT or unix:PATH; with --floor it is left "
		"alone\n"
		"  --workers N         how many echoes a unix:PATH has, flow f going to PATH.(f "
		"mod N) "
		"(1)\n"
		"  --mode block|poll   sleep in epoll, or never sleep\n";

/* -1: go on; else the exit code. */
static int
read_options(int argc, char *argv[], struct arguments *a)
{
	int option;

	opterr = 0;
	generator_options_begin(&a->generator, TIMEOUT_MS);
	a->generator.min_size = MESSAGE_SHORT_MIN_BYTES;
	while ((option = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
		bool right;

		if (option == HELP) {
			(void)fputs(help, stdout);
			(void)fputs(generator_help, stdout);
			return EXIT_DONE;
		} else if (option == CONNECT) {
			right = a->has_address = option_endpoint("--connect", optarg, &a->address);
		} else if (option == WORKERS) {
			right = option_count("--workers", optarg, 1, MAX_WORKERS, &a->workers);
		} else if (option == MODE) {
			right = a->has_mode = option_tcp_mode("--mode", optarg, &a->mode);
		} else if (option >= GENERATOR_OPTION_FIRST && option <= GENERATOR_OPTION_LAST) {
			right = generator_option(&a->generator, option, optarg, TCP_MAX_SIZE);
		} else {
			option_refused(option, argv);
			right = false;
		}
		if (!right)
			return EXIT_WRONG_USE;
	}
	if (optind < argc)
		complain("'%s' is no option of this program; --help lists them", argv[optind]);
	else if (!a->has_address && !a->generator.floor)
		complain("--connect is missing; --help lists the options");
	else if (!a->has_mode)
		complain("--mode is missing; --help lists the options");
	else if (generator_options_check(&a->generator))
		return -1;
	return EXIT_WRONG_USE;
}

/* Says what was wrong with the measurement, if anything; the exit code. */
static int
judge(const struct connections *c, const struct meter *m, const struct loop_result *result)
{
	struct recorder_counts counts = recorder_counts(m->recorder);

	if (result->closed)
		complain("the peer closed %u of %u connections%s%s; %lu of %lu messages of the "
			 "window had returned",
				c->closed, c->count, c->error != 0 ? ": " : "",
				c->error != 0 ? strerror(c->error) : "",
				(unsigned long)counts.returned, (unsigned long)counts.sent);
	else if (m->returns == 0 && !lifecycle_stopping())
		complain("nothing came back");
	else if (meter_next(m) == RECORDER_FULL && counts.sent == 0)
		complain("the recorder was full before the window began: raise --max-samples");
	else
		return EXIT_DONE;
	return EXIT_FAILED;
}

/* Measures over the connections and leaves the files; the exit code. */
static int
measure(const struct arguments *a, struct connections *c, struct meter *m)
{
	double ticks_per_s = clock_calibrate(CALIBRATE_MS);
	struct clock_mark begin = clock_mark();
	struct clock_mark end;
	struct loop_result result;
	int code;

	lifecycle_ready("hz=%.0f", ticks_per_s);
	result = loop_run(&a->generator, c, m, ticks_per_s);
	end = clock_mark();
	/* Over the whole run the rate is known better than before it; a run cut short at once keeps
	 * the first. */
	if (end.raw_ns - begin.raw_ns > CALIBRATE_MS * 1000000u)
		ticks_per_s = clock_ticks_per_s(&begin, &end);
	code = judge(c, m, &result);
	if (report_write(&a->generator, a->mode, c, m, &result, ticks_per_s) != 0)
		code = EXIT_FAILED;
	return code;
}

int
main(int argc, char *argv[])
{
	struct arguments a = {.workers = 1};
	struct connections connections = {0};
	struct meter meter;
	int code = EXIT_FAILED;

	if (lifecycle_begin("tcp_traffic") != 0) {
		complain("cannot install signal handlers: %s", strerror(errno));
		return EXIT_FAILED;
	}
	code = read_options(argc, argv, &a);
	if (code >= 0)
		return code;
	code = EXIT_FAILED;
	tcp_raise_socket_limit();
	/* A sleep until the next message of an open loop would otherwise end up to 50 us late. */
	if (prctl(PR_SET_TIMERSLACK, 1) != 0)
		complain("cannot set the timer slack: %s", strerror(errno));
	if (meter_begin(&meter, &a.generator) != 0) {
		complain("no memory for %lu samples: %s; lower --max-samples",
				(unsigned long)a.generator.max_samples, strerror(errno));
		return EXIT_FAILED;
	}
	if (connections_begin(&connections, a.generator.floor ? NULL : &a.address,
			    (uint32_t)a.workers, a.generator.flows, a.generator.size, a.mode) == 0)
		code = measure(&a, &connections, &meter);
	if (code == EXIT_DONE && a.generator.linger)
		lifecycle_linger();
	connections_end(&connections);
	meter_end(&meter);
	return code;
}
