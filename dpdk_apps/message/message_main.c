/*
 * message: crafts messages (bytes, a struct, a struct in fragments), sends them over DPDK to a
 * forwarder, proves what comes back and records how long each took.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "clock.h"
#include "exchange.h"
#include "frame.h"
#include "message_line.h"
#include "message_report.h"
#include "probe.h"
#include "program.h"

/* Messages that may be in pieces at once, where an open loop says nothing of how many there are. */
#define OPEN_MESSAGES 1024
#define REASSEMBLY_MAX_BYTES (64u << 20)

struct process {
	struct message_line line;
	struct message_plan plan;
	struct clock_mark began;
	/* Too large for a stack. */
	struct exchange exchange;
};

static int
exchange_begin(struct exchange *x, struct process *p, struct link *l)
{
	const struct generator_options *g = &p->line.generator;
	struct clock_mark now = clock_mark();
	uint32_t messages = g->depth > 0 ? 2 * g->depth : OPEN_MESSAGES;
	uint64_t timeout;

	*x = (struct exchange){.link = l, .line = &p->line, .plan = &p->plan};
	x->ticks_per_s = clock_ticks_per_s(&p->began, &now);
	timeout = (uint64_t)(g->timeout_ms / 1e3 * x->ticks_per_s);
	messages = RTE_MIN(messages, REASSEMBLY_MAX_BYTES / p->plan.bytes);
	if (meter_begin(&x->meter, g) == 0 && outgoing_begin(&x->outgoing, &p->plan) == 0 &&
			incoming_begin(&x->incoming, &p->plan, &x->meter, messages, timeout) == 0)
		return capture_begin(&x->capture, p->line.capture, p->line.dump, PCAP_ETHERNET);
	complain("no memory for %" PRIu64 " samples and %u messages: %s; lower --max-samples",
			g->max_samples, messages, strerror(errno));
	return -1;
}

static void
exchange_end(struct exchange *x)
{
	incoming_end(&x->incoming);
	outgoing_end(&x->outgoing);
	meter_end(&x->meter);
}

static int
measure_and_report(struct process *p, struct link *l)
{
	struct exchange *x = &p->exchange;
	struct clock_mark now;
	int code = EXIT_DONE;

	if (exchange_begin(x, p, l) != 0) {
		exchange_end(x);
		return EXIT_FAILED;
	}
	lifecycle_ready("hz=%.0f", x->ticks_per_s);
	exchange_run(x);
	now = clock_mark();
	if (message_report(x, clock_ticks_per_s(&p->began, &now)) != 0 ||
			capture_end(&x->capture) != 0) {
		code = EXIT_FAILED;
	} else if (link_lost(l)) {
		code = EXIT_FAILED;
	} else if (x->meter.returns == 0 && !lifecycle_stopping()) {
		complain("nothing came back: the forwarder answered the probes and then stopped");
		code = EXIT_FAILED;
	}
	exchange_end(x);
	return code;
}

static struct program_end
run(void *self)
{
	struct process *p = self;
	struct generator_options generator = p->line.generator;
	uint32_t record_max = p->line.mtu - (uint32_t)(FRAME_HEADER_BYTES - RTE_ETHER_HDR_LEN);
	struct link link;
	int code;

	if (!message_plan(&p->plan, p->line.payload, generator.size, record_max, generator.tag))
		return (struct program_end){.code = EXIT_WRONG_USE};
	/* The link knows frames, and so records. */
	generator.size = message_plan_record_bytes(&p->plan, 0);
	code = link_begin(&link, &p->line.link, &generator);
	if (code == EXIT_DONE)
		code = probe(&link, &p->line.link, &generator) == 0 ? measure_and_report(p, &link)
								    : EXIT_FAILED;
	if (link.guard.tripped)
		return (struct program_end){.code = code, .leave_memory = true};
	/* Not polling any more, this end bears that the other one goes away. */
	if (code == EXIT_DONE && generator.linger)
		lifecycle_linger();
	if (link_end(&link, code == EXIT_DONE ? generator.stats : NULL) != 0)
		code = EXIT_FAILED;
	return (struct program_end){.code = code};
}

int
main(int argc, char **argv)
{
	static struct process process;
	struct program program = {
			.name = "message",
			.alone = true,
			.read = message_line_read,
			.options = &process.line,
			.run = run,
			.self = &process,
	};

	process.began = clock_mark();
	return program_main(&program, argc, argv);
}
