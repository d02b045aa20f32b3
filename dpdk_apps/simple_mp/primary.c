#include "process.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>

#include "echo.h"
#include "exchange.h"
#include "interactive.h"
#include "lifecycle.h"
#include "meter.h"
#include "report.h"
#include "space.h"

/* How long the primary waits for its secondaries to end when it does. */
#define STOP_TIMEOUT_MS 1000
#define PLACE "--proc-id"

/*
 * Waits until all secondaries have taken their places; one that was killed since has done so too,
 * and its death is seen to once it is measured. False if a stop was asked for first.
 */
static bool
wait_joined(const struct space *s)
{
	struct pollfd stop = {.fd = lifecycle_stop_fd(), .events = POLLIN};
	uint16_t place = 1;

	/* Shared memory has no event; they start within a second and nothing is measured yet. */
	while (place <= s->record->secondaries) {
		if (roster_holder(&s->record->roster, place) != 0 ||
				roster_died(&s->record->roster, place))
			place++;
		else if (poll(&stop, 1, 1) != 0 || lifecycle_stopping())
			return false;
	}
	return true;
}

/* Tells the secondaries to end, and waits for it. Whether they are gone. */
static bool
close_space(struct space *s)
{
	__atomic_store_n(&s->record->closing, true, __ATOMIC_RELEASE);
	return roster_wait_others(&s->record->roster, 0, STOP_TIMEOUT_MS, PLACE);
}

static void
flush_cache(const struct space *s)
{
	struct rte_mempool_cache *cache = rte_mempool_default_cache(s->pool, rte_lcore_id());

	if (cache != NULL)
		rte_mempool_cache_flush(cache, s->pool);
}

/* After the measurement: samples, the end of the secondaries, the mempool's balance, statistics. */
static struct program_end
finish(struct process *p, struct exchange *x, struct space *s)
{
	struct program_end end = {.code = EXIT_DONE};
	struct clock_mark now = clock_mark();
	struct primary_report report = {
			.line = &p->line,
			.exchange = x,
			.ended = x->window.ended,
			.ticks_per_s = clock_ticks_per_s(&p->began, &now),
	};

	if (report_samples(&p->line, x, report.ticks_per_s) != 0)
		end.code = EXIT_FAILED;
	if (p->line.generator.linger)
		lifecycle_linger();
	if (!close_space(s))
		end = (struct program_end){.code = EXIT_FAILED, .leave_memory = true};
	report.out = exchange_clear(x);
	if (x->wards.stuck != NULL)
		report.ended = "ring stuck";
	flush_cache(s);
	report.pool_in_use = rte_mempool_in_use_count(s->pool);
	if (report.out > 0 && x->wards.deaths > 0)
		complain("%" PRIu32 " of the mempool's %u messages are lost with who was killed",
				report.out, s->pool->size);
	if (report_primary(&report) != 0)
		end.code = EXIT_FAILED;
	if (x->wards.stuck != NULL)
		end.code = EXIT_FAILED;
	return end;
}

static struct program_end
measure(struct process *p, struct space *s, struct meter *meter, struct recorder *oneway)
{
	struct echo echo;
	struct exchange x = {
			.space = s,
			.options = &p->line.generator,
			.meter = meter,
			.oneway = oneway,
	};
	struct clock_mark now;
	struct program_end end;

	lifecycle_ready("ring=%s secondaries=%u", space_mode_name(s), p->line.secondaries);
	if (p->line.generator.floor) {
		echo_begin(&echo, s, 1);
		x.floor = &echo;
	} else if (!wait_joined(s)) {
		complain("stopped before all %u secondaries had joined", p->line.secondaries);
		return (struct program_end){.code = EXIT_FAILED, .leave_memory = !close_space(s)};
	}
	now = clock_mark();
	exchange_run(&x, clock_ticks_per_s(&p->began, &now));
	end = finish(p, &x, s);
	if (end.code == EXIT_DONE && meter->returns == 0 && !lifecycle_stopping()) {
		complain("nothing came back");
		end.code = EXIT_FAILED;
	}
	return end;
}

static struct program_end
measure_with_memory(struct process *p, struct space *s)
{
	struct program_end end = {.code = EXIT_FAILED};
	struct recorder *oneway = NULL;
	struct meter meter;

	if (meter_begin(&meter, &p->line.generator) == 0)
		oneway = recorder_create(p->line.generator.max_samples);
	else
		meter.recorder = NULL;
	if (oneway != NULL) {
		end = measure(p, s, &meter, oneway);
		recorder_destroy(oneway);
	} else {
		complain("no memory for twice %" PRIu64 " samples: %s; lower --max-samples",
				p->line.generator.max_samples, strerror(errno));
	}
	meter_end(&meter);
	return end;
}

static struct program_end
ask_person(struct process *p, struct space *s)
{
	lifecycle_ready("ring=%s secondaries=%u", space_mode_name(s), p->line.secondaries);
	interactive_run(s);
	if (close_space(s))
		return (struct program_end){.code = EXIT_DONE};
	return (struct program_end){.code = EXIT_FAILED, .leave_memory = true};
}

struct program_end
primary_run(struct process *p)
{
	struct command_line *c = &p->line;
	struct space space;

	if (space_create(&space, (enum ring_mode)c->ring, c->secondaries, c->generator.size,
			    c->generator.tag) != 0)
		return (struct program_end){.code = EXIT_FAILED};
	space_open(&space);
	return c->interactive ? ask_person(p, &space) : measure_with_memory(p, &space);
}
