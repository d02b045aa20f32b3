/*
 * mp_client: a secondary of a client-server group. It sends what the server puts into
 * its ring, through a send queue of its own.
 */
#include <inttypes.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mempool.h>

#include "board.h"
#include "client.h"
#include "client_options.h"
#include "client_report.h"
#include "clock.h"
#include "lifecycle.h"
#include "pool.h"
#include "program.h"

#define PLACE "--client-id"

struct process {
	struct client_options options;
	struct client_view board;
	struct client client;
	struct client_counts before; /* what the place had counted when we took it */
	struct rte_mempool *pool;
	struct clock_mark began;
	bool leave_memory; /* see struct program_end */
};

/* Takes the client's place, and over from one that was killed. False after a message. */
static bool
take_place(struct process *p)
{
	uint16_t id = p->options.client_id;
	bool died = roster_died(p->board.clients, id);
	uint32_t lost;

	if (rte_lcore_id() == p->board.arrangement->server_lcore) {
		complain("lcore id %u is the server's too, and two processes on one id corrupt the "
			 "packet buffers: give each an id of its own, such as --lcores %u@CPU",
				rte_lcore_id(), rte_lcore_id() + 1);
		return false;
	}
	if (!roster_claim(p->board.clients, id, rte_lcore_id(), PLACE))
		return false;
	/* Nobody alive has this lcore id; who had it and left cleanly left the cache empty. */
	lost = pool_discard_cache(p->pool, rte_lcore_id());
	count_add(&p->board.own->discarded, lost);
	if (died) {
		count_add(&p->board.own->kills, 1);
		complain("takes the place of a client that was killed; %" PRIu32
			 " buffers of its cache are lost, and what it had in its hands",
				lost);
	}
	p->before = *p->board.own;
	return true;
}

static int
join(struct process *p)
{
	const struct client_options *o = &p->options;
	char name[RING_NAME_BYTES];

	if (!board_join(&p->board, o->client_id, o->num_clients))
		return EXIT_WRONG_USE;
	board_ring_name(name, o->client_id);
	p->client.ring = rte_ring_lookup(name);
	p->pool = rte_mempool_lookup(BOARD_POOL);
	if (p->client.ring == NULL || p->pool == NULL) {
		complain("the server has no ring or buffers for client %u: %s", o->client_id,
				rte_strerror(rte_errno));
		return EXIT_FAILED;
	}
	return take_place(p) ? EXIT_DONE : EXIT_WRONG_USE;
}

static int
work(struct process *p)
{
	const struct client_options *o = &p->options;
	struct client *c = &p->client;
	struct client_report report = {.options = o, .client = c, .before = &p->before};
	struct clock_mark now;
	int code;

	c->board = &p->board;
	c->id = o->client_id;
	c->drain = (uint64_t)o->drain_us * rte_get_tsc_hz() / 1000000;
	c->sleep_us = o->sleep_us;
	c->idle = o->idle;
	c->counts_cycles = o->cycles;
	lifecycle_ready("client=%u/%u", o->client_id, p->board.arrangement->num_clients);
	report.ending = client_run(c);
	if (report.ending == ENDED_PRIMARY_DIED)
		complain("the server is gone: ending, with the statistics in %s", o->stats);
	client_drop_unflushed(c, report.ending == ENDED_BY_SIGNAL);
	/* A cached buffer is a free one to us, but out of reach of the group. */
	if (report.ending == ENDED_BY_SIGNAL)
		pool_flush_cache(p->pool);
	now = clock_mark();
	report.ticks_per_s = clock_ticks_per_s(&p->began, &now);
	code = client_report_write(&report) == 0 ? EXIT_DONE : EXIT_FAILED;
	roster_release(p->board.clients, o->client_id);
	if (report.ending == ENDED_BY_SIGNAL)
		return code;
	/* A server that was killed may have held locks in the shared memory. */
	p->leave_memory = true;
	return EXIT_PRIMARY_DIED;
}

static struct program_end
run(void *self)
{
	struct process *p = self;
	int code;

	if (rte_eal_process_type() != RTE_PROC_SECONDARY) {
		complain("mp_client is a secondary: start mp_server first, and this with "
			 "--proc-type secondary and the server's --file-prefix");
		return (struct program_end){.code = EXIT_WRONG_USE};
	}
	code = join(p);
	if (code == EXIT_DONE)
		code = work(p);
	return (struct program_end){.code = code, .leave_memory = p->leave_memory};
}

int
main(int argc, char **argv)
{
	struct process process = {.began = clock_mark()};
	struct program program = {
			.name = "mp_client",
			.read = client_options_read,
			.options = &process.options,
			.run = run,
			.self = &process,
	};

	return program_main(&program, argc, argv);
}
