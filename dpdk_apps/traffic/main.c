/*
 * traffic: sends messages over DPDK to a forwarder, checks what comes back, and
 * records how long each took.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_lcore.h>

#include "clock.h"
#include "command_line.h"
#include "eal.h"
#include "lifecycle.h"
#include "link.h"
#include "measure.h"
#include "meter.h"
#include "probe.h"
#include "report.h"

static int
measure_and_report(struct link *l, const struct command_line *c, struct clock_mark began)
{
	struct clock_mark now;
	struct meter meter;
	struct measurement m = {.link = l, .meter = &meter, .line = c};
	int code = EXIT_DONE;

	if (meter_begin(&meter, &c->generator) != 0) {
		complain("no memory for %" PRIu64 " samples: %s; lower --max-samples",
				c->generator.max_samples, strerror(errno));
		return EXIT_FAILED;
	}
	now = clock_mark();
	m.ticks_per_s = clock_ticks_per_s(&began, &now);
	m.timeout = (uint64_t)(c->generator.timeout_ms / 1e3 * m.ticks_per_s);
	lifecycle_ready("hz=%.0f", m.ticks_per_s);
	measure(&m);
	now = clock_mark();
	if (report_write(&m, clock_ticks_per_s(&began, &now)) != 0) {
		code = EXIT_FAILED;
	} else if (meter.returns == 0 && !lifecycle_stopping()) {
		complain("nothing came back: the forwarder answered the probes and then stopped");
		code = EXIT_FAILED;
	}
	meter_end(&meter);
	return code;
}

static int
run(const struct command_line *c, struct clock_mark began)
{
	struct link link;
	int code;

	if (rte_eal_process_type() != RTE_PROC_PRIMARY || rte_lcore_count() != 1) {
		complain("traffic is one primary process with one lcore: start it with --proc-type "
			 "primary, a --file-prefix of its own and, for instance, --lcores 0@0");
		return EXIT_WRONG_USE;
	}
	code = link_begin(&link, c);
	if (code == EXIT_DONE)
		code = probe(&link, c) == 0 ? measure_and_report(&link, c, began) : EXIT_FAILED;
	/* Not polling any more, this end bears that the other one goes away. */
	if (code == EXIT_DONE && c->generator.linger)
		lifecycle_linger();
	link_end(&link);
	return code;
}

int
main(int argc, char **argv)
{
	struct clock_mark began = clock_mark();
	struct command_line line;
	struct arguments arguments;
	int code;

	if (lifecycle_begin("traffic") != 0 || arguments_split(&arguments, argc, argv) != 0) {
		complain("cannot start: %s", strerror(errno));
		return EXIT_FAILED;
	}
	if (!command_line_read(&line, arguments.app_count, arguments.app))
		code = EXIT_WRONG_USE;
	else if (line.help)
		code = EXIT_DONE;
	else
		code = eal_begin(&arguments);
	if (code == EXIT_DONE && !line.help) {
		code = run(&line, began);
		eal_end(&arguments);
	}
	arguments_free(&arguments);
	return code;
}
