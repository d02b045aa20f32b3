/*
 * mp_server: the primary of a client-server group. It alone receives from the ports,
 * and hands the frames to the rings of its clients, which send them.
 */
#include <inttypes.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include "board.h"
#include "clock.h"
#include "lifecycle.h"
#include "pool.h"
#include "port.h"
#include "program.h"
#include "server.h"
#include "server_options.h"
#include "server_report.h"
#include "tx_buffer.h"

/* How long the server waits for its clients when all are asked to stop at once. */
#define STOP_TIMEOUT_MS 500
#define PLACE "--client-id"

struct process {
	struct server_options options;
	struct server_view board;
	struct server server;
	struct clock_mark began;
	uint16_t ports[PORT_MAX];
	uint16_t port_count;
	bool leave_memory; /* see struct program_end */
};

/* Buffers for all queues and rings, for every process, and once more for clients that are started
 * again after they were killed. */
static uint32_t
mbufs_needed(const struct process *p)
{
	const struct server_options *o = &p->options;
	uint32_t client = pool_mbufs_of_process(BURST) + p->port_count * TX_BUFFER_FRAMES;
	uint32_t mbufs =
			pool_mbufs_of_process(BURST) + o->num_clients * (o->ring_size + 2 * client);

	for (uint16_t i = 0; i < p->port_count; i++)
		mbufs += port_mbufs(p->ports[i], &o->wish);
	return mbufs;
}

static int
make_group(struct process *p)
{
	const struct server_options *o = &p->options;
	struct arrangement *a;

	for (uint16_t i = 0; i < p->port_count; i++)
		if (!port_can(p->ports[i], o->num_clients, true))
			return EXIT_WRONG_USE;
	p->server.pool = pool_create(BOARD_POOL, o->mbufs > 0 ? o->mbufs : mbufs_needed(p));
	if (p->server.pool == NULL || !board_create(&p->board, o->num_clients))
		return EXIT_FAILED;
	a = p->board.arrangement;
	a->server_lcore = rte_lcore_id();
	a->ring_size = o->ring_size;
	a->dispatch = o->dispatch;
	if (!server_make_rings(&p->server, &p->board))
		return EXIT_FAILED;
	for (uint16_t i = 0; i < p->port_count; i++) {
		if (port_start(p->ports[i], &o->wish, p->server.pool, &a->ports[i]) != 0)
			return EXIT_FAILED;
		a->port_count++;
	}
	board_open(&p->board);
	return EXIT_DONE;
}

static void
end_ports(const struct process *p)
{
	const struct arrangement *a = p->board.arrangement;

	for (uint16_t i = 0; a != NULL && i < a->port_count; i++)
		port_end(a->ports[i].port);
}

/* Leaves the statistics. The clients are gone by then; one that is not keeps its memory. */
static int
finish(struct process *p)
{
	const struct arrangement *a = p->board.arrangement;
	struct driver_stats driver[PORT_MAX];
	struct server_report report = {
			.options = &p->options,
			.server = &p->server,
			.driver = driver,
	};
	struct clock_mark now;

	driver_stats_read(a->ports, a->port_count, driver);
	pool_flush_cache(p->server.pool);
	if (roster_wait_others(p->board.clients, ROSTER_PLACES, STOP_TIMEOUT_MS, PLACE)) {
		server_empty_rings(&p->server);
		report.killed = server_killed_buffers(&p->server);
		end_ports(p);
		pool_flush_cache(p->server.pool);
	} else {
		p->leave_memory = true;
	}
	report.pool_in_use = rte_mempool_in_use_count(p->server.pool);
	now = clock_mark();
	report.ticks_per_s = clock_ticks_per_s(&p->began, &now);
	if (report.killed.kills > 0)
		complain("clients were killed %" PRIu64 " time(s): %u of %u buffers are lost with "
			 "them",
				report.killed.kills, report.pool_in_use, p->server.pool->size);
	return server_report_write(&report) == 0 && !p->leave_memory ? EXIT_DONE : EXIT_FAILED;
}

static int
begin(struct process *p)
{
	const struct server_options *o = &p->options;
	int code;

	if (rte_eal_process_type() != RTE_PROC_PRIMARY) {
		complain("mp_server is no secondary: start it with --proc-type primary");
		return EXIT_WRONG_USE;
	}
	p->port_count = ports_of_mask(o->port_mask, p->ports);
	if (p->port_count == 0)
		return EXIT_WRONG_USE;
	dispatcher_init(&p->server.dispatcher, o->dispatch, o->num_clients);
	p->server.idle = o->idle;
	p->server.counts_cycles = o->cycles;
	code = make_group(p);
	if (code != EXIT_DONE) {
		end_ports(p);
		return code;
	}
	lifecycle_ready("ports=%u clients=%u", p->port_count, o->num_clients);
	server_run(&p->server);
	return finish(p);
}

static struct program_end
run(void *self)
{
	struct process *p = self;
	int code = begin(p);

	return (struct program_end){.code = code, .leave_memory = p->leave_memory};
}

int
main(int argc, char **argv)
{
	struct process process = {.began = clock_mark()};
	struct program program = {
			.name = "mp_server",
			.read = server_options_read,
			.options = &process.options,
			.run = run,
			.self = &process,
	};

	return program_main(&program, argc, argv);
}
