/*
 * tcp_forward: the twin of l2fwd. Gives every record back over the connection that it came by, in
 * whatever pieces it came.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "capture.h"
#include "clock.h"
#include "echo_worker.h"
#include "listener.h"
#include "options.h"
#include "record_stream.h"
#include "startup.h"
#include "stats.h"

struct process {
	struct worker_options worker;
	struct endpoint address;
	struct capture capture;
	const char *capture_name;
	const char *stats;
	uint32_t dump;
	bool has_address;
	bool has_mode;
};

enum forward_option { LISTEN = 1, MODE, IDLE, LOOP, SLEEP, DUMP, CAPTURE, STATS };

static const struct option long_options[] = {
		{"help", no_argument, NULL, 'h'},
		{"listen", required_argument, NULL, LISTEN},
		{"mode", required_argument, NULL, MODE},
		{"idle", required_argument, NULL, IDLE},
		{"loop", required_argument, NULL, LOOP},
		{"sleep-us", required_argument, NULL, SLEEP},
		{"dump", required_argument, NULL, DUMP},
		{"capture", required_argument, NULL, CAPTURE},
		{"stats", required_argument, NULL, STATS},
		{NULL, 0, NULL, 0},
};

static void
print_help(void)
{
	(void)fputs("tcp_forward: gives records back over TCP until SIGINT or SIGTERM\n"
		    "  --listen IP:PORT    where; or unix:PATH\n"
		    "  --mode block|poll   sleep in epoll, or never sleep\n"
		    "  --idle spin|yield   what a poller does when nothing came (spin)\n"
		    "  --loop poll|naive   sleep when there is nothing to do, or after "
		    "every turn (poll)\n"
		    "  --sleep-us S        how long (0: not at all)\n"
		    "  --dump N            keep the first N records received and sent (0)\n"
		    "  --capture NAME      in NAME.dump.txt, NAME.rx.pcap and NAME.tx.pcap\n"
		    "  --stats FILE        where the statistics go\n",
			stdout);
}

static bool
take(void *options, int option, const char *text)
{
	struct process *p = options;

	switch (option) {
	case LISTEN:
		return p->has_address = option_endpoint("--listen", text, &p->address);
	case MODE:
		return p->has_mode = option_tcp_mode("--mode", text, &p->worker.mode);
	case IDLE:
		return option_idle("--idle", text, &p->worker.shape.idle);
	case LOOP:
		return option_loop("--loop", text, &p->worker.shape);
	case SLEEP:
		return option_sleep("--sleep-us", text, &p->worker.shape);
	case DUMP:
		return option_dump("--dump", text, &p->dump);
	case CAPTURE:
		p->capture_name = text;
		return true;
	case STATS:
		p->stats = text;
		return true;
	default:
		return false;
	}
}

static bool
complete(void *options)
{
	const struct process *p = options;

	return option_given(p->has_address, "--listen") && option_given(p->has_mode, "--mode") &&
	       option_given(p->stats != NULL, "--stats") &&
	       capture_options_check(p->dump, p->capture_name);
}

static const struct option_reader reader = {
		.table = long_options,
		.help = print_help,
		.take = take,
		.complete = complete,
};

static size_t
whole(void *self, const uint8_t *from, size_t n, uint64_t *records)
{
	(void)self;
	return record_stream_whole(from, n, records);
}

/* Records go back as they came: both ways show the same bytes. */
static void
seen(void *self, const uint8_t *from, size_t n)
{
	capture_records(self, CAPTURE_RX, from, n);
	capture_records(self, CAPTURE_TX, from, n);
}

static int
write_stats(const struct process *p, const struct worker_counts *c, double ticks_per_s)
{
	struct stats *s = stats_open(p->stats, "tcp_forward", "sut");

	if (s == NULL)
		return -1;
	stats_number(s, "ticks_per_s", ticks_per_s);
	stats_string(s, "shape", loop_shape_name(&p->worker.shape));
	stats_count(s, "sleep_us", p->worker.shape.sleep_us);
	stats_count(s, "broken", c->broken);
	stats_string(s, "ended", lifecycle_stopping() ? "signal" : "error");
	worker_report(s, &p->worker, c, 0, endpoint_driver(&p->address));
	stats_threads(s);
	return stats_close(s);
}

static int
serve(struct process *p, struct listener *listener)
{
	struct echo_framing framing = {.self = &p->capture, .whole = whole, .seen = seen};
	struct worker_counts counts = {0};
	struct clock_mark begin = clock_mark();
	struct clock_mark end;
	enum worker_end ending;
	int code = EXIT_DONE;

	p->worker.framing = &framing;
	lifecycle_ready("mode=%s", p->worker.mode == TCP_BLOCK ? "block" : "poll");
	ending = worker_run(&p->worker, &listener->source, &counts);
	end = clock_mark();
	if (write_stats(p, &counts, clock_ticks_per_s(&begin, &end)) != 0) {
		complain("cannot write %s: %s", p->stats, strerror(errno));
		code = EXIT_FAILED;
	}
	if (capture_end(&p->capture) != 0 || ending != WORKER_STOPPED)
		code = EXIT_FAILED;
	return code;
}

int
main(int argc, char *argv[])
{
	struct process p = {0};
	enum tcp_spread spread = TCP_SPREAD_HASH;
	struct listener listener;
	int code;

	code = startup("tcp_forward", &reader, &p, argc, argv);
	if (code >= 0)
		return code;
	tcp_raise_socket_limit();
	if (listener_open(&listener, &p.address, 0, 1, RECORD_STREAM_MAX_BYTES, &spread) != 0)
		return EXIT_FAILED;
	code = capture_begin(&p.capture, p.capture_name, p.dump, PCAP_USER) == 0
			       ? serve(&p, &listener)
			       : EXIT_FAILED;
	listener_close(&listener);
	return code;
}
