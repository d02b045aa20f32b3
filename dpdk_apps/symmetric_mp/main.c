/*
 * symmetric_mp: N processes, one primary and its secondaries, share all ports; each
 * has one queue pair of every port and turns the frames of its own queues round.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include "clock.h"
#include "eal.h"
#include "forward.h"
#include "group.h"
#include "lifecycle.h"
#include "command_line.h"
#include "pool.h"
#include "port.h"
#include "report.h"

#define POOL_NAME "symmetric_mp_pool"
/* How long the primary waits for its secondaries when all are asked to stop at once. */
#define STOP_TIMEOUT_MS 500

struct process {
	struct options options;
	struct rte_mempool *pool;
	struct group *group;
	struct forwarder forwarder;
	struct clock_mark began;
	uint16_t ports[PORT_MAX];
	uint16_t port_count;
	bool primary;
	bool leave_memory; /* others may use the shared memory, or its locks may be held for ever */
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
	if (!group_claim(p->group, o->proc_id, rte_lcore_id()))
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
	return group_claim(p->group, p->options.proc_id, rte_lcore_id()) ? EXIT_DONE
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
	struct rte_eth_stats driver[PORT_MAX];
	struct clock_mark now;
	struct report report = {
			.options = &p->options,
			.group = p->group,
			.forwarder = &p->forwarder,
			.ending = ending,
			.primary = p->primary,
			.pool_size = p->pool->size,
	};

	/* A cached buffer is a free one to us, but out of reach of the group. */
	pool_flush_cache(p->pool);
	if (p->primary) {
		report.driver = driver;
		for (uint16_t i = 0; i < p->port_count; i++)
			if (rte_eth_stats_get(p->ports[i], &driver[i]) != 0)
				memset(&driver[i], 0, sizeof(driver[i]));
		if (group_wait_others(p->group, p->options.proc_id, STOP_TIMEOUT_MS))
			end_ports(p->group);
		else
			p->leave_memory = true;
	}
	group_release(p->group, p->options.proc_id);
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
run(struct process *p)
{
	int code;

	p->primary = rte_eal_process_type() == RTE_PROC_PRIMARY;
	if (rte_lcore_count() != 1) {
		complain("%u lcores, but one thread does all the work: give one, such as --lcores "
			 "0@1, and every process of the group another id",
				rte_lcore_count());
		return EXIT_WRONG_USE;
	}
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

int
main(int argc, char **argv)
{
	struct process process = {.began = clock_mark()};
	struct arguments arguments;
	int code;

	if (lifecycle_begin("symmetric_mp") != 0 || arguments_split(&arguments, argc, argv) != 0) {
		complain("cannot start: %s", strerror(errno));
		return EXIT_FAILED;
	}
	if (!command_line_read(&process.options, arguments.app_count, arguments.app))
		code = EXIT_WRONG_USE;
	else if (process.options.help)
		code = EXIT_DONE;
	else
		code = eal_begin(&arguments);
	if (code == EXIT_DONE && !process.options.help) {
		code = run(&process);
		/* DPDK cleans up in destructors too: those must not run either. */
		if (process.leave_memory)
			_exit(code);
		eal_end(&arguments);
	}
	arguments_free(&arguments);
	return code;
}
