/*
 * tcp_dispatcher: the twin of mp_server over TCP. It hands connections to its workers,
 * each in turn, or relays each message to one of them and its answer back.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "dispatcher.h"
#include "message.h"
#include "options.h"
#include "startup.h"
#include "stats.h"

struct arguments {
	struct dispatcher_options options;
	const char *stats;
	/* Which options were given, beside those whose value tells. */
	bool has_address;
	bool has_dispatch;
	bool has_mode;
};

enum dispatcher_option { LISTEN = 1, SOCKET, WORKERS, DISPATCH, MODE, IDLE, SIZE, STATS };

static const struct option long_options[] = {
		{"help", no_argument, NULL, 'h'},
		{"listen", required_argument, NULL, LISTEN},
		{"socket", required_argument, NULL, SOCKET},
		{"workers", required_argument, NULL, WORKERS},
		{"dispatch", required_argument, NULL, DISPATCH},
		{"mode", required_argument, NULL, MODE},
		{"idle", required_argument, NULL, IDLE},
		{"size", required_argument, NULL, SIZE},
		{"stats", required_argument, NULL, STATS},
		{NULL, 0, NULL, 0},
};

static const char *const way_names[] = {
		[DISPATCH_HANDOFF] = "handoff", [DISPATCH_RELAY] = "relay", NULL};

static void
print_help(void)
{
	(void)fputs("tcp_dispatcher: deals TCP connections or their messages out to workers\n"
		    "  --listen IP:PORT    where the generator connects to\n"
		    "  --socket PATH       Unix socket that the workers (tcp_worker) join by\n"
		    "  --workers N         how many there are; connections wait until all have "
		    "joined\n"
		    "  --dispatch WHAT     handoff: a worker gets a connection; relay: a message\n"
		    "  --mode block|poll   sleep in epoll, or never sleep\n"
		    "  --idle spin|yield   what a poller does when nothing came (spin)\n"
		    "  --size S            bytes of a message\n"
		    "  --stats FILE        where the statistics go\n",
			stdout);
}

static bool
take(void *options, int option, const char *text)
{
	struct arguments *a = options;
	struct dispatcher_options *o = &a->options;
	uint64_t count = 0;
	int index = 0;

	switch (option) {
	case LISTEN:
		return a->has_address = option_address("--listen", text, &o->address);
	case SOCKET:
		o->socket = text;
		return true;
	case WORKERS:
		if (!option_count("--workers", text, 1, DISPATCHER_MAX_WORKERS, &count))
			return false;
		o->workers = (unsigned int)count;
		return true;
	case DISPATCH:
		a->has_dispatch = true;
		if (!option_choice("--dispatch", text, way_names, &index))
			return false;
		o->way = (enum dispatch_way)index;
		return true;
	case MODE:
		return a->has_mode = option_tcp_mode("--mode", text, &o->mode);
	case IDLE:
		return option_idle("--idle", text, &o->idle);
	case SIZE:
		if (!option_count("--size", text, MESSAGE_MIN_BYTES, TCP_MAX_SIZE, &count))
			return false;
		o->size = count;
		return true;
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

	return option_given(a->has_address, "--listen") &&
	       option_given(a->options.socket != NULL, "--socket") &&
	       option_given(a->options.workers > 0, "--workers") &&
	       option_given(a->has_dispatch, "--dispatch") && option_given(a->has_mode, "--mode") &&
	       option_given(a->options.size > 0, "--size") &&
	       option_given(a->stats != NULL, "--stats");
}

static const struct option_reader reader = {
		.table = long_options,
		.help = print_help,
		.take = take,
		.complete = complete,
};

static void
write_drops(struct stats *s, const char *key, const struct dispatch_counts *c)
{
	stats_object_begin(s, key);
	for (int reason = 0; reason < DISPATCH_DROPS; reason++)
		stats_count(s, dispatch_drop_name((enum dispatch_drop)reason), c->drops[reason]);
	stats_object_end(s);
}

static void
write_accounting(struct stats *s, const struct dispatch_counts *c)
{
	uint64_t dropped = 0;

	for (int reason = 0; reason < DISPATCH_DROPS; reason++)
		dropped += c->drops[reason];
	stats_object_begin(s, "accounting");
	stats_count(s, "in", c->in);
	stats_count(s, "out", c->out);
	stats_count(s, "drops", dropped);
	write_drops(s, "reasons", c);
	stats_object_end(s);
}

static void
write_members(struct stats *s, const struct dispatcher *d)
{
	stats_array_begin(s, "members");
	for (unsigned int i = 0; i < d->options->workers; i++) {
		const struct dispatch_counts *c = &d->members[i].counts;
		char name[24];

		(void)snprintf(name, sizeof(name), "worker%u", i);
		stats_object_begin(s, NULL);
		stats_string(s, "name", name);
		stats_count(s, "in", c->in);
		stats_count(s, "out", c->out);
		write_drops(s, "drops", c);
		stats_object_end(s);
	}
	stats_array_end(s);
}

/* In handoff the messages never come here: the one queue is empty. */
static void
write_queues(struct stats *s, const struct dispatcher *d)
{
	bool relays = d->options->way == DISPATCH_RELAY;

	stats_array_begin(s, "queues");
	stats_object_begin(s, NULL);
	stats_count(s, "port", 0);
	stats_count(s, "queue", 0);
	stats_string(s, "driver", "tcp");
	stats_count(s, "rx_packets", relays ? d->counts.in : 0);
	stats_count(s, "tx_packets", relays ? d->counts.out : 0);
	stats_count(s, "rx_bytes", d->rx_bytes);
	stats_count(s, "tx_bytes", d->tx_bytes);
	stats_object_end(s);
	stats_array_end(s);
}

static int
write_stats(const struct arguments *a, const struct dispatcher *d, double ticks_per_s)
{
	struct stats *s = stats_open(a->stats, "tcp_dispatcher", "sut");

	if (s == NULL)
		return -1;
	stats_number(s, "ticks_per_s", ticks_per_s);
	stats_string(s, "dispatch", way_names[a->options.way]);
	stats_count(s, "workers", a->options.workers);
	stats_string(s, "mode", a->options.mode == TCP_BLOCK ? "block" : "poll");
	stats_string(s, "idle", a->options.idle == IDLE_YIELD ? "yield" : "spin");
	stats_count(s, "size", a->options.size);
	stats_count(s, "connections", d->connections);
	stats_string(s, "ended", d->worker_died ? "worker died" : d->failed ? "error" : "signal");
	write_queues(s, d);
	write_accounting(s, &d->counts);
	write_members(s, d);
	stats_count(s, "partial_bytes", d->partial_bytes);
	stats_object_begin(s, "tcp");
	stats_count(s, "retransmits", d->tcp.retransmits);
	stats_count(s, "mss", d->tcp.mss);
	stats_string(s, "congestion", d->tcp.congestion);
	stats_object_end(s);
	stats_threads(s);
	return stats_close(s);
}

int
main(int argc, char *argv[])
{
	struct arguments a = {.options.idle = IDLE_SPIN};
	struct clock_mark begin, end;
	struct dispatcher d;
	int code;

	code = startup("tcp_dispatcher", &reader, &a, argc, argv);
	if (code >= 0)
		return code;
	tcp_raise_socket_limit();
	begin = clock_mark();
	if (!dispatcher_begin(&d, &a.options)) {
		dispatcher_end(&d);
		return EXIT_FAILED;
	}
	lifecycle_ready("workers=%u", a.options.workers);
	dispatcher_run(&d);
	dispatcher_end(&d);
	end = clock_mark();
	if (write_stats(&a, &d, clock_ticks_per_s(&begin, &end)) != 0) {
		complain("cannot write %s: %s", a.stats, strerror(errno));
		return EXIT_FAILED;
	}
	return d.failed || d.worker_died ? EXIT_FAILED : EXIT_DONE;
}
