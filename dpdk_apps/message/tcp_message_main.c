/*
 * tcp_message: the twin of message. The same records in the same order over TCP connections, one
 * for each flow, judged by the same code.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "capture.h"
#include "clock.h"
#include "connections.h"
#include "content_report.h"
#include "generator_options.h"
#include "incoming.h"
#include "loop.h"
#include "options.h"
#include "outgoing.h"
#include "record_stream.h"
#include "startup.h"
#include "tcp_report.h"

#define TIMEOUT_MS 1000
#define CALIBRATE_MS 20
#define DEFAULT_MTU 1500
#define MAX_MTU 9216
/* Headers of IPv4 and UDP: records are as long as they are over DPDK on a link of that MTU. */
#define IP_AND_UDP_BYTES 28
#define MAX_BYTES (1u << 20)
/* Messages that may be in pieces at once: each connection is cut in one place at most. */
#define REASSEMBLED_MAX GENERATOR_MAX_FLOWS

struct process {
	struct generator_options generator;
	struct endpoint address;
	struct message_plan plan;
	struct meter meter;
	struct outgoing outgoing;
	struct incoming incoming;
	struct capture capture;
	struct connections connections;
	const char *capture_name;
	enum record_type payload;
	enum tcp_mode mode;
	uint32_t mtu;
	uint32_t dump;
	uint64_t digest_sent;
	double ticks_per_s; /* as measured before the run */
	bool has_address;
	bool has_mode;
};

enum message_option { CONNECT = 1, MODE, PAYLOAD, MTU, DUMP, CAPTURE };

static const struct option long_options[] = {
		{"help", no_argument, NULL, 'h'},
		{"connect", required_argument, NULL, CONNECT},
		{"mode", required_argument, NULL, MODE},
		{"payload", required_argument, NULL, PAYLOAD},
		{"mtu", required_argument, NULL, MTU},
		{"dump", required_argument, NULL, DUMP},
		{"capture", required_argument, NULL, CAPTURE},
		GENERATOR_LONG_OPTIONS,
		{NULL, 0, NULL, 0},
};

static void
print_help(void)
{
	(void)fputs("tcp_message: crafts messages, sends them over TCP, and proves what comes "
		    "back\n"
		    "  --connect IP:PORT   the forwarder; with --floor it is left alone\n"
		    "  --mode block|poll   sleep in epoll, or never sleep\n"
		    "  --payload P         bytes, struct, or large: a struct in fragments\n"
		    "  --mtu M             records are as long as over a link of this MTU (1500)\n"
		    "  --dump N            keep the first N records sent and received (0)\n"
		    "  --capture NAME      in NAME.dump.txt, NAME.tx.pcap and NAME.rx.pcap\n",
			stdout);
	(void)fputs(generator_help, stdout);
}

static bool
take(void *options, int option, const char *text)
{
	struct process *p = options;

	switch (option) {
	case CONNECT:
		return p->has_address = option_endpoint("--connect", text, &p->address);
	case MODE:
		return p->has_mode = option_tcp_mode("--mode", text, &p->mode);
	case PAYLOAD:
		return option_payload("--payload", text, &p->payload);
	case MTU:
		return option_count32("--mtu", text, 576, MAX_MTU, &p->mtu);
	case DUMP:
		return option_dump("--dump", text, &p->dump);
	case CAPTURE:
		p->capture_name = text;
		return true;
	case OPTION_SIZE:
		/* Bodies may be smaller than the generators' messages. */
		return option_count32("--size", text, 1, MAX_BYTES, &p->generator.size);
	default:
		return generator_option(&p->generator, option, text, MAX_BYTES);
	}
}

static bool
complete(void *options)
{
	struct process *p = options;
	struct generator_options *g = &p->generator;

	return option_given(p->has_address || g->floor, "--connect") &&
	       option_given(p->has_mode, "--mode") && option_given(p->payload != 0, "--payload") &&
	       capture_options_check(p->dump, p->capture_name) && generator_options_check(g) &&
	       message_plan(&p->plan, p->payload, g->size, p->mtu - IP_AND_UDP_BYTES, g->tag);
}

static const struct option_reader reader = {
		.table = long_options,
		.help = print_help,
		.take = take,
		.complete = complete,
};

/* The next message: its records, one after another. */
static void
write_message(void *self, const struct meter *m, uint8_t *to)
{
	struct process *p = self;
	uint32_t at = 0;

	outgoing_make(&p->outgoing, (uint32_t)meter_next(m));
	p->digest_sent += p->outgoing.digest;
	for (uint16_t i = 0; i < p->plan.records; i++)
		at += outgoing_record(&p->outgoing, i, to + at);
	capture_records(&p->capture, CAPTURE_TX, to, at);
}

static void
take_records(void *self, uint32_t flow, const uint8_t *from, size_t n, uint64_t tick)
{
	struct process *p = self;

	capture_records(&p->capture, CAPTURE_RX, from, n);
	for (size_t at = 0; at < n;) {
		size_t bytes = 0;

		(void)record_peek(from + at, n - at, &bytes);
		(void)incoming_take(&p->incoming, from + at, bytes, flow, tick);
		at += bytes;
	}
}

static void
expire_pieces(void *self, uint64_t now)
{
	struct process *p = self;

	incoming_expire(&p->incoming, now);
}

static uint64_t
digest_lost(struct process *p)
{
	uint64_t sent = p->generator.max_samples - meter_room(&p->meter);
	uint64_t lost = 0;

	for (uint64_t seq = 0; seq < sent; seq++)
		if (!recorder_returned(p->meter.recorder, seq)) {
			outgoing_make(&p->outgoing, (uint32_t)seq);
			lost += p->outgoing.digest;
		}
	return lost;
}

/* Says what was wrong with the measurement, if anything; the exit code. */
static int
judge(const struct process *p, const struct loop_result *result)
{
	if (result->closed)
		complain("%u of %u connections are gone%s%s", p->connections.closed,
				p->connections.count, p->connections.error != 0 ? ": " : "",
				p->connections.error != 0 ? strerror(p->connections.error) : "");
	else if (p->meter.returns == 0 && !lifecycle_stopping())
		complain("nothing came back");
	else
		return EXIT_DONE;
	return EXIT_FAILED;
}

static int
measure(struct process *p)
{
	struct stream_codec codec = {.self = p,
			.units = p->plan.records,
			.write = write_message,
			.whole = record_stream_whole,
			.take = take_records,
			.expire = expire_pieces};
	double ticks_per_s = p->ticks_per_s;
	struct clock_mark begin = clock_mark();
	struct clock_mark end;
	struct loop_result result;
	struct content digests;
	int code;

	p->connections.codec = &codec;
	lifecycle_ready("hz=%.0f", ticks_per_s);
	result = loop_run(&p->generator, &p->connections, &p->meter, ticks_per_s);
	end = clock_mark();
	if (end.raw_ns - begin.raw_ns > CALIBRATE_MS * 1000000u)
		ticks_per_s = clock_ticks_per_s(&begin, &end);
	if (p->incoming.reassembly != NULL)
		reassembly_expire(p->incoming.reassembly, UINT64_MAX);
	digests = (struct content){
			.sent = p->digest_sent,
			.received = p->incoming.digest,
			.lost = digest_lost(p),
	};
	code = judge(p, &result);
	if (tcp_report(&p->generator, p->mode, &p->connections, &p->incoming, &digests, &result,
			    ticks_per_s) != 0)
		code = EXIT_FAILED;
	return code;
}

static int
begin(struct process *p)
{
	const struct generator_options *g = &p->generator;
	uint32_t messages = p->plan.bytes > 0 && g->flows < REASSEMBLED_MAX ? g->flows
									    : REASSEMBLED_MAX;

	p->ticks_per_s = clock_calibrate(CALIBRATE_MS);
	if (meter_begin(&p->meter, g) != 0 || outgoing_begin(&p->outgoing, &p->plan) != 0 ||
			incoming_begin(&p->incoming, &p->plan, &p->meter, messages,
					(uint64_t)(g->timeout_ms / 1e3 * p->ticks_per_s)) != 0) {
		complain("no memory for %" PRIu64 " samples: %s; lower --max-samples",
				g->max_samples, strerror(errno));
		return -1;
	}
	if (capture_begin(&p->capture, p->capture_name, p->dump, PCAP_USER) != 0)
		return -1;
	return connections_begin(&p->connections, g->floor ? NULL : &p->address, 1, g->flows,
			message_plan_bytes(&p->plan), p->mode);
}

int
main(int argc, char *argv[])
{
	struct process p = {.mtu = DEFAULT_MTU};
	int code;

	generator_options_begin(&p.generator, TIMEOUT_MS);
	code = startup("tcp_message", &reader, &p, argc, argv);
	if (code >= 0)
		return code;
	tcp_raise_socket_limit();
	/* A sleep until the next message of an open loop would otherwise end up to 50 us late. */
	if (prctl(PR_SET_TIMERSLACK, 1) != 0)
		complain("cannot set the timer slack: %s", strerror(errno));
	p.connections.epoll = -1;
	code = begin(&p) == 0 ? measure(&p) : EXIT_FAILED;
	if (capture_end(&p.capture) != 0)
		code = EXIT_FAILED;
	if (code == EXIT_DONE && p.generator.linger)
		lifecycle_linger();
	connections_end(&p.connections);
	incoming_end(&p.incoming);
	outgoing_end(&p.outgoing);
	meter_end(&p.meter);
	return code;
}
