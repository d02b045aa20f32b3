/*
 * traffic: sends messages over DPDK to a forwarder, checks what comes back, and
 * records how long each took.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "clock.h"
#include "command_line.h"
#include "lifecycle.h"
#include "link.h"
#include "measure.h"
#include "meter.h"
#include "probe.h"
#include "program.h"
#include "report.h"

static int
measure_and_report(struct link *l, const struct command_line *c, struct clock_mark began)
{
	struct clock_mark now;
	struct meter meter;
	struct measurement m = {.link = l, .meter = &meter, .line = c};
	double ticks_per_s;
	int code = EXIT_DONE;

	if (meter_begin(&meter, &c->generator) != 0) {
		complain("no memory for %" PRIu64 " samples: %s; lower --max-samples",
				c->generator.max_samples, strerror(errno));
		return EXIT_FAILED;
	}
	now = clock_mark();
	ticks_per_s = clock_ticks_per_s(&began, &now);
	lifecycle_ready("hz=%.0f", ticks_per_s);
	measure(&m, ticks_per_s);
	now = clock_mark();
	if (report_write(&m, clock_ticks_per_s(&began, &now)) != 0) {
		code = EXIT_FAILED;
	} else if (link_lost(l)) {
		code = EXIT_FAILED;
	} else if (meter.returns == 0 && !lifecycle_stopping()) {
		complain("nothing came back: the forwarder answered the probes and then stopped");
		code = EXIT_FAILED;
	}
	meter_end(&meter);
	return code;
}

struct process {
	struct command_line line;
	struct clock_mark began;
};

static struct program_end
run(void *self)
{
	const struct process *p = self;
	struct link link;
	int code;

	code = link_begin(&link, &p->line.link, &p->line.generator);
	if (code == EXIT_DONE)
		code = probe(&link, &p->line.link, &p->line.generator) == 0
				       ? measure_and_report(&link, &p->line, p->began)
				       : EXIT_FAILED;
	if (link.guard.tripped)
		return (struct program_end){.code = code, .leave_memory = true};
	/* Not polling any more, this end bears that the other one goes away. */
	if (code == EXIT_DONE && p->line.generator.linger)
		lifecycle_linger();
	if (link_end(&link, code == EXIT_DONE ? p->line.generator.stats : NULL) != 0)
		code = EXIT_FAILED;
	return (struct program_end){.code = code};
}

int
main(int argc, char **argv)
{
	struct process process = {.began = clock_mark()};
	struct program program = {
			.name = "traffic",
			.alone = true,
			.read = command_line_read,
			.options = &process.line,
			.run = run,
			.self = &process,
	};

	return program_main(&program, argc, argv);
}
