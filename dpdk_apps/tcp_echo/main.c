/*
 * TCP echo server, the twin of symmetric_mp: each worker is a process with its
 * share of the connections, as each process there has its queue of every port.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "echo_worker.h"
#include "listener.h"
#include "message.h"
#include "options.h"
#include "startup.h"
#include "stats.h"

#define MAX_WORKERS 256
#define CALIBRATE_MS 20
#define MAX_DELAY_US 1000000

struct arguments {
	struct worker_options options;
	struct endpoint address;
	uint32_t worker;
	uint32_t workers;
	uint64_t size;
	uint64_t delay_us;
	const char *stats;
	bool has_address;
	bool has_mode;
};

enum echo_option { LISTEN = 1, WORKER, WORKERS, MODE, IDLE, SIZE, DELAY, STATS };

static const struct option long_options[] = {
		{"help", no_argument, NULL, 'h'},
		{"listen", required_argument, NULL, LISTEN},
		{"worker", required_argument, NULL, WORKER},
		{"workers", required_argument, NULL, WORKERS},
		{"mode", required_argument, NULL, MODE},
		{"idle", required_argument, NULL, IDLE},
		{"size", required_argument, NULL, SIZE},
		{"delay-us", required_argument, NULL, DELAY},
		{"stats", required_argument, NULL, STATS},
		{NULL, 0, NULL, 0},
};

static void
print_help(void)
{
	(void)fputs("tcp_echo: gives messages back over TCP until SIGINT or SIGTERM\n"
		    "  --listen WHERE      IP:PORT, shared by all workers (SO_REUSEPORT), or "
		    "unix:PATH,\n"
		    "                      where worker I has a socket of its own, PATH.I\n"
		    "  --worker I          number of this worker, from 0\n"
		    "  --workers N         how many there are\n"
		    "  --mode block|poll   sleep in epoll, or never sleep\n"
		    "  --idle spin|yield   what a poller does when nothing came (spin)\n"
		    "  --size S            bytes of a message\n"
		    "  --delay-us D        busy-wait before each echo, to test the meter (0)\n"
		    "  --stats FILE        where the statistics go\n",
			stdout);
}

static bool
take(void *options, int option, const char *text)
{
	struct arguments *a = options;

	switch (option) {
	case LISTEN:
		return a->has_address = option_endpoint("--listen", text, &a->address);
	case WORKER:
		return option_count32("--worker", text, 0, MAX_WORKERS - 1, &a->worker);
	case WORKERS:
		return option_count32("--workers", text, 1, MAX_WORKERS, &a->workers);
	case MODE:
		return a->has_mode = option_tcp_mode("--mode", text, &a->options.mode);
	case IDLE:
		return option_idle("--idle", text, &a->options.shape.idle);
	case SIZE:
		return option_count(
				"--size", text, MESSAGE_SHORT_MIN_BYTES, TCP_MAX_SIZE, &a->size);
	case DELAY:
		return option_count("--delay-us", text, 0, MAX_DELAY_US, &a->delay_us);
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

	if (!option_given(a->has_address, "--listen") || !option_given(a->workers > 0, "--workers"))
		return false;
	if (a->worker >= a->workers) {
		complain("--worker %u: there are %u workers, numbered from 0", a->worker,
				a->workers);
		return false;
	}
	return option_given(a->has_mode, "--mode") && option_given(a->size > 0, "--size") &&
	       option_given(a->stats != NULL, "--stats");
}

static const struct option_reader reader = {
		.table = long_options,
		.help = print_help,
		.take = take,
		.complete = complete,
};

static int
write_stats(const struct arguments *a, const struct worker_counts *c, enum tcp_spread spread,
		double ticks_per_s)
{
	struct stats *s = stats_open(a->stats, "tcp_echo", "sut");

	if (s == NULL)
		return -1;
	stats_number(s, "ticks_per_s", ticks_per_s);
	stats_count(s, "worker", a->worker);
	stats_count(s, "workers", a->workers);
	stats_count(s, "size", a->size);
	stats_count(s, "delay_us", a->delay_us);
	stats_string(s, "spread", tcp_spread_name(spread));
	stats_string(s, "ended", lifecycle_stopping() ? "signal" : "error");
	worker_report(s, &a->options, c, a->worker, endpoint_driver(&a->address));
	stats_threads(s);
	return stats_close(s);
}

int
main(int argc, char *argv[])
{
	struct arguments a = {.options.shape.idle = IDLE_SPIN};
	struct listener listener;
	enum worker_end ending;
	struct worker_counts counts = {0};
	enum tcp_spread spread = TCP_SPREAD_HASH;
	struct clock_mark begin, end;
	int result;

	result = startup("tcp_echo", &reader, &a, argc, argv);
	if (result >= 0)
		return result;
	if (a.delay_us > 0)
		a.options.delay = (uint64_t)((double)a.delay_us * 1e-6 *
					     clock_calibrate(CALIBRATE_MS));
	tcp_raise_socket_limit();
	if (listener_open(&listener, &a.address, a.worker, a.workers, a.size, &spread) != 0)
		return EXIT_FAILED;
	begin = clock_mark();
	lifecycle_ready("worker=%u/%u", a.worker, a.workers);
	ending = worker_run(&a.options, &listener.source, &counts);
	end = clock_mark();
	listener_close(&listener);
	if (write_stats(&a, &counts, spread, clock_ticks_per_s(&begin, &end)) != 0) {
		complain("cannot write %s: %s", a.stats, strerror(errno));
		return EXIT_FAILED;
	}
	return ending == WORKER_STOPPED ? EXIT_DONE : EXIT_FAILED;
}
