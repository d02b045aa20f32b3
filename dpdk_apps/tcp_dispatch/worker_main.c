/*
 * tcp_worker: gives messages back on what the dispatcher hands to it: TCP connections
 * of their own (handoff), or one stream of messages of all connections (relay).
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "control.h"
#include "echo_worker.h"
#include "options.h"
#include "startup.h"
#include "stats.h"

#define MAX_WORKERS 64
#define JOIN_TIMEOUT_MS 5000

struct arguments {
	struct worker_options options;
	uint32_t worker; /* MAX_WORKERS: not given */
	const char *socket;
	const char *stats;
	bool has_mode;
};

/* What the dispatcher hands over. */
struct handed {
	struct connection_source source; /* its fd: the control socket */
	bool relayed;			 /* by a stream of frames */
};

enum worker_option { SOCKET = 1, WORKER, MODE, IDLE, SLEEP, STATS };

static const struct option long_options[] = {
		{"help", no_argument, NULL, 'h'},
		{"socket", required_argument, NULL, SOCKET},
		{"worker", required_argument, NULL, WORKER},
		{"mode", required_argument, NULL, MODE},
		{"idle", required_argument, NULL, IDLE},
		{"sleep-us", required_argument, NULL, SLEEP},
		{"stats", required_argument, NULL, STATS},
		{NULL, 0, NULL, 0},
};

static void
print_help(void)
{
	(void)fputs("tcp_worker: gives messages back on what tcp_dispatcher hands to it\n"
		    "  --socket PATH       the dispatcher's Unix socket\n"
		    "  --worker K          number of this worker, from 0\n"
		    "  --mode block|poll   sleep in epoll, or never sleep\n"
		    "  --idle spin|yield   what a poller does when nothing came (spin)\n"
		    "  --sleep-us S        sleep so long in each turn, to see what it does; "
		    "with --mode block\n"
		    "                      in those with work, between which it sleeps in "
		    "epoll (0)\n"
		    "  --stats FILE        where the statistics go\n",
			stdout);
}

static bool
take(void *options, int option, const char *text)
{
	struct arguments *a = options;

	switch (option) {
	case SOCKET:
		a->socket = text;
		return true;
	case WORKER:
		return option_count32("--worker", text, 0, MAX_WORKERS - 1, &a->worker);
	case MODE:
		return a->has_mode = option_tcp_mode("--mode", text, &a->options.mode);
	case IDLE:
		return option_idle("--idle", text, &a->options.shape.idle);
	case SLEEP:
		return option_sleep("--sleep-us", text, &a->options.shape);
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

	return option_given(a->socket != NULL, "--socket") &&
	       option_given(a->worker < MAX_WORKERS, "--worker") &&
	       option_given(a->has_mode, "--mode") && option_given(a->stats != NULL, "--stats");
}

static const struct option_reader reader = {
		.table = long_options,
		.help = print_help,
		.take = take,
		.complete = complete,
};

static int
next_handed(struct connection_source *source, size_t *size)
{
	struct handed *h = (struct handed *)source;
	struct control c = {0};
	int fd = -1;

	switch (control_receive(source->fd, &c, &fd)) {
	case CONTROL_GOT:
		break;
	case CONTROL_NOTHING:
		errno = EAGAIN;
		return -1;
	case CONTROL_CLOSED:
		errno = EPIPE;
		return -1;
	case CONTROL_WRONG:
		errno = EBADMSG;
		return -1;
	default:
		return -1;
	}
	if (fd < 0 || (c.kind != CONTROL_CONNECTION && c.kind != CONTROL_RELAY) || c.value == 0) {
		if (fd >= 0)
			(void)close(fd);
		errno = EBADMSG;
		return -1;
	}
	h->relayed = c.kind == CONTROL_RELAY;
	*size = c.value;
	return fd;
}

static int
write_stats(const struct arguments *a, const struct worker_counts *c, const struct handed *h,
		enum worker_end ending, double ticks_per_s)
{
	static const char *const endings[] = {
			[WORKER_STOPPED] = "signal",
			[WORKER_FAILED] = "error",
			[WORKER_SOURCE_GONE] = "primary died",
	};
	struct stats *s = stats_open(a->stats, "tcp_worker", "sut");

	if (s == NULL)
		return -1;
	stats_number(s, "ticks_per_s", ticks_per_s);
	stats_count(s, "worker", a->worker);
	stats_count(s, "sleep_us", a->options.shape.sleep_us);
	stats_string(s, "ended", endings[ending]);
	worker_report(s, &a->options, c, a->worker, h->relayed ? "unix" : "tcp");
	stats_threads(s);
	return stats_close(s);
}

static int
work(const struct arguments *a)
{
	struct handed handed = {.source.next = next_handed};
	struct control bye = {.kind = CONTROL_BYE};
	struct worker_counts counts = {0};
	struct clock_mark begin = clock_mark(), end;
	enum worker_end ending;

	handed.source.fd = control_join(a->socket, a->worker, JOIN_TIMEOUT_MS);
	if (handed.source.fd < 0)
		return EXIT_FAILED;
	lifecycle_ready("worker=%u", a->worker);
	ending = worker_run(&a->options, &handed.source, &counts);
	end = clock_mark();
	/* A dispatcher that is gone needs no farewell. */
	if (ending == WORKER_STOPPED && control_send(handed.source.fd, &bye, -1) == CONTROL_FAILED)
		complain("cannot take leave of the dispatcher: %s", strerror(errno));
	(void)close(handed.source.fd);
	if (ending == WORKER_SOURCE_GONE)
		complain("the dispatcher is gone: ending, with the statistics in %s", a->stats);
	if (write_stats(a, &counts, &handed, ending, clock_ticks_per_s(&begin, &end)) != 0) {
		complain("cannot write %s: %s", a->stats, strerror(errno));
		return EXIT_FAILED;
	}
	if (ending == WORKER_SOURCE_GONE)
		return EXIT_PRIMARY_DIED;
	return ending == WORKER_STOPPED ? EXIT_DONE : EXIT_FAILED;
}

int
main(int argc, char *argv[])
{
	struct arguments a = {
			.options.shape = {.naive = true, .idle = IDLE_SPIN}, .worker = MAX_WORKERS};
	int code;

	code = startup("tcp_worker", &reader, &a, argc, argv);
	if (code >= 0)
		return code;
	tcp_raise_socket_limit();
	return work(&a);
}
