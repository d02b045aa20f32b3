/*
 * TCP echo server, the twin of symmetric_mp: each worker is a process with its
 * share of the connections, as each process there has its queue of every port.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "echo_worker.h"
#include "listener.h"
#include "message.h"
#include "options.h"
#include "stats.h"

#define MAX_WORKERS 256
#define CALIBRATE_MS 20
#define MAX_DELAY_US 1000000

struct arguments {
	struct worker_options options;
	struct endpoint address;
	unsigned int worker;
	unsigned int workers;
	size_t size;
	uint64_t delay_us;
	const char *stats;
};

enum echo_option { HELP = 1, LISTEN, WORKER, WORKERS, MODE, IDLE, SIZE, DELAY, STATS };

static const struct option long_options[] = {
		{"help", no_argument, NULL, HELP},
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

static const char help[] =
		"tcp_echo: gives messages back over TCP until SIGINT or SIGTERM\n"
		"  --listen WHERE      IP:PORT, shared by all workers (SO_REUSEPORT), or "
		"unix:PATH,\n"
		"                      where worker I has a socket of its own, PATH.I\n"
		"  --worker I          number of this worker, from 0\n"
		"  --workers N         how many there are\n"
		"  --mode block|poll   sleep in epoll, or never sleep\n"
		"  --idle spin|yield   what a poller does when nothing came (spin)\n"
		"  --size S            bytes of a message\n"
		"  --delay-us D        busy-wait before each echo, to test the meter (0)\n"
		"  --stats FILE        where the statistics go\n";

/* -1: go on; else the exit code. */
static int
read_options(int argc, char *argv[], struct arguments *a)
{
	bool has_address = false, has_mode = false;
	uint64_t worker = 0, workers = 0, size = 0;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
		bool right = true;

		switch (option) {
		case HELP:
			(void)fputs(help, stdout);
			return EXIT_DONE;
		case LISTEN:
			right = has_address = option_endpoint("--listen", optarg, &a->address);
			break;
		case WORKER:
			right = option_count("--worker", optarg, 0, MAX_WORKERS - 1, &worker);
			break;
		case WORKERS:
			right = option_count("--workers", optarg, 1, MAX_WORKERS, &workers);
			break;
		case MODE:
			right = has_mode = option_tcp_mode("--mode", optarg, &a->options.mode);
			break;
		case IDLE:
			right = option_idle("--idle", optarg, &a->options.shape.idle);
			break;
		case SIZE:
			right = option_count("--size", optarg, MESSAGE_SHORT_MIN_BYTES,
					TCP_MAX_SIZE, &size);
			break;
		case DELAY:
			right = option_count("--delay-us", optarg, 0, MAX_DELAY_US, &a->delay_us);
			break;
		case STATS:
			a->stats = optarg;
			break;
		default:
			option_refused(option, argv);
			right = false;
		}
		if (!right)
			return EXIT_WRONG_USE;
	}
	a->worker = (unsigned int)worker;
	a->workers = (unsigned int)workers;
	a->size = size;
	if (!has_address)
		complain("--listen is missing; --help lists the options");
	else if (workers == 0)
		complain("--workers is missing; --help lists the options");
	else if (worker >= workers)
		complain("--worker %u: there are %u workers, numbered from 0", a->worker,
				a->workers);
	else if (!has_mode)
		complain("--mode is missing; --help lists the options");
	else if (size == 0)
		complain("--size is missing; --help lists the options");
	else if (a->stats == NULL)
		complain("--stats is missing; --help lists the options");
	else if (optind < argc)
		complain("'%s' is no option of this program; --help lists them", argv[optind]);
	else
		return -1;
	return EXIT_WRONG_USE;
}

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

	if (lifecycle_begin("tcp_echo") != 0) {
		complain("cannot install signal handlers: %s", strerror(errno));
		return EXIT_FAILED;
	}
	result = read_options(argc, argv, &a);
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
