/*
 * The store's load client: single requests to a server, as a mount would send them, timed and
 * checked. It knows no transport: it is linked with each.
 */
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

#include "clock.h"
#include "load_report.h"
#include "request_check.h"

#define CALIBRATE_MS 20

/* Of an open loop, and before a depth is a power of two. */
static uint16_t
slots_for(const struct load_options *o)
{
	uint16_t slots = 1;

	if (o->generator.depth == 0)
		return LOAD_DEPTH_MAX;
	while (slots < o->generator.depth)
		slots *= 2;
	return slots;
}

/* With an answerer that is open. An exit code. */
static int
measure(const struct load_options *o, const struct load_server *server, struct answerer *answerer,
		uint32_t slots, double ticks_per_s)
{
	struct work *work = o->what == LOAD_ECHO ? echo_work_create(o) : store_work_create(o);
	struct clock_mark begin = clock_mark();
	struct asking asking;
	struct clock_mark end;
	struct load load;
	int code = EXIT_FAILED;

	if (work == NULL)
		return EXIT_FAILED;
	asking_begin(&asking, answerer, (uint64_t)(o->generator.timeout_ms / 1e3 * ticks_per_s),
			ticks_per_s);
	if (load_begin(&load, o, answerer, work, slots, ticks_per_s) == 0) {
		if (work->calls->begin(work, &asking) == 0) {
			load_run(&load);
			code = load.meter.returns > 0 || lifecycle_stopping() ? EXIT_DONE
									      : EXIT_FAILED;
			asking.to_the_end = true;
			if (!load_ended_well(&load) || work->calls->end(work, &asking) != 0)
				code = EXIT_FAILED;
			if (server->rpc != NULL)
				rpc_answerer_leave(server->rpc);
			end = clock_mark();
			if (load_report(&load, server, asking.count,
					    clock_ticks_per_s(&begin, &end)) != 0)
				code = EXIT_FAILED;
		}
		load_end(&load);
	}
	work->calls->destroy(work);
	return code;
}

static int
measure_floor(const struct load_options *o, double ticks_per_s)
{
	struct load_server server = {.floor = floor_answerer_create(o)};
	int code;

	if (server.floor == NULL)
		return EXIT_FAILED;
	code = measure(o, &server, floor_answerer_base(server.floor), LOAD_DEPTH_MAX, ticks_per_s);
	floor_answerer_destroy(server.floor);
	return code;
}

static int
measure_server(const struct load_options *o, struct transport *t, double ticks_per_s)
{
	uint64_t deadline = (uint64_t)(o->generator.timeout_ms / 1e3 * ticks_per_s);
	struct load_server server = {
			.transport = t,
			.rpc = rpc_answerer_create(t, slots_for(o), REQUEST_BYTES_MAX, deadline,
					(uint64_t)ticks_per_s),
	};
	int code = EXIT_FAILED;

	if (server.rpc == NULL)
		return EXIT_FAILED;
	if (rpc_answerer_join(server.rpc) == 0)
		code = measure(o, &server, rpc_answerer_base(server.rpc),
				rpc_client_agreed(rpc_answerer_client(server.rpc)).slots,
				ticks_per_s);
	rpc_answerer_destroy(server.rpc);
	return code;
}

static int
run(void *self, struct transport *t)
{
	const struct load_options *o = self;
	double ticks_per_s = clock_calibrate(CALIBRATE_MS);
	int code;

	/* A sleep until the next request of an open loop would otherwise end up to 50 us late. */
	if (prctl(PR_SET_TIMERSLACK, 1) != 0)
		complain("cannot set the timer slack: %s", strerror(errno));
	code = t == NULL ? measure_floor(o, ticks_per_s) : measure_server(o, t, ticks_per_s);
	if (code == EXIT_DONE && o->generator.linger)
		lifecycle_linger();
	return code;
}

int
main(int argc, char *argv[])
{
	struct load_options options = load_options_default();
	const struct store_program program = {
			.name = "store_load",
			.end = TRANSPORT_CLIENT,
			.table = load_option_table,
			.help = load_options_help,
			.take = load_options_take,
			.complete = load_options_complete,
			.options = &options,
			.alone = load_options_alone,
			.run = run,
			.self = &options,
	};

	return store_program_main(&program, argc, argv);
}
