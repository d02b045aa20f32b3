/*
 * TCP generator and meter, the twin of traffic: the same messages, flows, loops
 * and recorder over connections of the kernel.
 */
#include <errno.h>
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
#include "startup.h"

#define TIMEOUT_MS 1000
#define CALIBRATE_MS 20

struct arguments {
	struct generator_options generator;
	struct endpoint address;
	uint32_t workers; /* of a Unix socket */
	bool has_address;
	enum tcp_mode mode;
	bool has_mode;
};

enum traffic_option { CONNECT = 1, WORKERS, MODE };

#define MAX_WORKERS 256

static const struct option long_options[] = {
		{"help", no_argument, NULL, 'h'},
		{"connect", required_argument, NULL, CONNECT},
		{"workers", required_argument, NULL, WORKERS},
		{"mode", required_argument, NULL, MODE},
		GENERATOR_LONG_OPTIONS,
		{NULL, 0, NULL, 0},
};

static void
print_help(void)
{
	(void)fputs("tcp_traffic: sends messages over TCP, checks and times what comes back\n"
		    "  --connect WHERE     the echo, IP:PORT or unix:PATH; with --floor it is left "
		    "alone\n"
		    "  --workers N         how many echoes a unix:PATH has, flow f going to "
		    "PATH.(f "
		    "mod N) "
		    "(1)\n"
		    "  --mode block|poll   sleep in epoll, or never sleep\n",
			stdout);
	(void)fputs(generator_help, stdout);
}

static bool
take(void *options, int option, const char *text)
{
	struct arguments *a = options;

	switch (option) {
	case CONNECT:
		return a->has_address = option_endpoint("--connect", text, &a->address);
	case WORKERS:
		return option_count32("--workers", text, 1, MAX_WORKERS, &a->workers);
	case MODE:
		return a->has_mode = option_tcp_mode("--mode", text, &a->mode);
	default:
		return generator_option(&a->generator, option, text, TCP_MAX_SIZE);
	}
}

static bool
complete(void *options)
{
	struct arguments *a = options;

	return option_given(a->has_address || a->generator.floor, "--connect") &&
	       option_given(a->has_mode, "--mode") && generator_options_check(&a->generator);
}

static const struct option_reader reader = {
		.table = long_options,
		.help = print_help,
		.take = take,
		.complete = complete,
};

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

	generator_options_begin(&a.generator, TIMEOUT_MS);
	a.generator.min_size = MESSAGE_SHORT_MIN_BYTES;
	code = startup("tcp_traffic", &reader, &a, argc, argv);
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
	if (connections_begin(&connections, a.generator.floor ? NULL : &a.address, a.workers,
			    a.generator.flows, a.generator.size, a.mode) == 0)
		code = measure(&a, &connections, &meter);
	if (code == EXIT_DONE && a.generator.linger)
		lifecycle_linger();
	connections_end(&connections);
	meter_end(&meter);
	return code;
}
