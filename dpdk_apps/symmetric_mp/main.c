/*
 * symmetric_mp: N processes, one primary and its secondaries, share all ports; each
 * has one queue pair of every port and turns the frames of its own queues round.
 */
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include "clock.h"
#include "command_line.h"
#include "forward.h"
#include "group.h"
#include "lifecycle.h"
#include "pool.h"
#include "port.h"
#include "port_report.h"
#include "program.h"
#include "report.h"

#define POOL_NAME "symmetric_mp_pool"
/* How long the primary waits for its secondaries when all are asked to stop at once. */
#define STOP_TIMEOUT_MS 500
/* What a process's place in the group is called. */
#define PLACE "--proc-id"

struct process {
	struct options options;
	struct rte_mempool *pool;
	struct group *group;
	struct forwarder forwarder;
	struct clock_mark began;
	uint16_t ports[PORT_MAX];
	uint16_t port_count;
	bool primary;
	bool leave_memory; /* see struct program_end */
};

static int
make_group(struct process *p)
{
	const struct options *o = &p->options;
	uint32_t mbufs = 0;

	for (uint16_t i = 0; i < p->port_count; i++) {
		if (!port_can(p->ports[i], o->num_procs, o->num_procs > 1))
			return EXIT_WRONG_USE;
		mbufs += port_mbufs(p->ports[i], &o->wish);
	}
	mbufs += o->num_procs * pool_mbufs_of_process(FORWARD_BURST);
	p->pool = pool_create(POOL_NAME, o->mbufs > 0 ? o->mbufs : mbufs);
	p->group = p->pool != NULL ? group_create(o->num_procs) : NULL;
	if (p->group == NULL)
		return EXIT_FAILED;
	for (uint16_t i = 0; i < p->port_count; i++) {
		if (port_start(p->ports[i], &o->wish, p->pool, &p->group->ports[i]) != 0)
			return EXIT_FAILED;
		p->group->port_count++;
	}
	if (!roster_claim(&p->group->roster, o->proc_id, rte_lcore_id(), PLACE))
		return EXIT_FAILED;
	group_open(p->group);
	return EXIT_DONE;
}

static int
join_group(struct process *p)
{
	p->group = group_join(p->options.num_procs, p->ports, p->port_count);
	if (p->group == NULL)
		return EXIT_WRONG_USE;
	p->pool = rte_mempool_lookup(POOL_NAME);
	if (p->pool == NULL) {
		complain("the primary has no packet buffers: %s", rte_strerror(rte_errno));
		return EXIT_FAILED;
	}
	return roster_claim(&p->group->roster, p->options.proc_id, rte_lcore_id(), PLACE)
			       ? EXIT_DONE
			       : EXIT_WRONG_USE;
}

static void
end_ports(const struct group *g)
{
	for (uint16_t i = 0; g != NULL && i < g->port_count; i++)
		port_end(g->ports[i].port);
}

/* Leaves the statistics; the primary, whose secondaries are gone by then, closes the ports first.
 */
static int
finish(struct process *p, enum ending ending)
{
	struct driver_stats driver[PORT_MAX];
	struct clock_mark now;
	struct report report = {
			.options = &p->options,
			.group = p->group,
			.forwarder = &p->forwarder,
			.ending = ending,
			.primary = p->primary,
			.pool = p->pool,
	};

	/* A cached buffer is a free one to us, but out of reach of the group. */
	pool_flush_cache(p->pool);
	if (p->primary) {
		report.driver = driver;
		driver_stats_read(p->group->ports, p->group->port_count, driver);
		if (roster_wait_others(
				    &p->group->roster, p->options.proc_id, STOP_TIMEOUT_MS, PLACE))
			end_ports(p->group);
		else
			p->leave_memory = true;
	}
	roster_release(&p->group->roster, p->options.proc_id);
	report.pool_in_use = rte_mempool_in_use_count(p->pool);
	now = clock_mark();
	report.ticks_per_s = clock_ticks_per_s(&p->began, &now);
	return report_write(&report) == 0 && !p->leave_memory ? EXIT_DONE : EXIT_FAILED;
}

static int
work(struct process *p)
{
	enum ending ending;
	int code;

	forward_init(&p->forwarder, p->group, p->options.proc_id, p->options.idle, !p->primary);
	p->forwarder.counts_cycles = p->options.counts_cycles;
	lifecycle_ready("ports=%u proc=%u/%u", p->port_count, p->options.proc_id,
			p->options.num_procs);
	ending = forward_run(&p->forwarder);
	if (ending == ENDED_PRIMARY_DIED)
		complain("the primary is gone: ending, with the statistics in %s",
				p->options.stats);
	code = finish(p, ending);
	if (ending == ENDED_BY_SIGNAL)
		return code;
	/* A primary that was killed may have held locks in the shared memory. */
	p->leave_memory = true;
	return EXIT_PRIMARY_DIED;
}

static int
begin(struct process *p)
{
	int code;

	p->primary = rte_eal_process_type() == RTE_PROC_PRIMARY;
	p->port_count = ports_of_mask(p->options.port_mask, p->ports);
	if (p->port_count == 0)
		return EXIT_WRONG_USE;
	code = p->primary ? make_group(p) : join_group(p);
	if (code == EXIT_DONE)
		return work(p);
	if (p->primary)
		end_ports(p->group);
	return code;
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
			.name = "symmetric_mp",
			.read = command_line_read,
			.options = &process.options,
			.run = run,
			.self = &process,
	};

	return program_main(&program, argc, argv);
}
