/*
 * l2fwd: a forwarder of the shape of DPDK's layer-2 forwarding sample, with what makes it lose or
 * delay frames as options: when it sleeps, and how often it drains its send buffers.
 */
#include <errno.h>
#include <string.h>

#include "clock.h"
#include "l2fwd.h"
#include "pool.h"
#include "program.h"
#include "stats.h"

struct process {
	struct l2fwd_line line;
	struct l2fwd forwarder;
	struct capture capture;
	struct port_state states[PORT_MAX];
	struct rte_mempool *pool;
	struct clock_mark began;
	uint16_t ports[PORT_MAX];
	uint16_t port_count;
	uint16_t started;
};

static void
write_queues(struct stats *s, const struct l2fwd *f)
{
	stats_array_begin(s, "queues");
	for (uint16_t i = 0; i < f->lane_count; i++) {
		const struct l2fwd_lane *lane = &f->lanes[i];
		struct named_count drops[L2FWD_DROPS];

		for (int reason = 0; reason < L2FWD_DROPS; reason++)
			drops[reason] = (struct named_count){
					l2fwd_drop_name((enum l2fwd_drop)reason),
					lane->drops[reason]};
		report_queue_begin(s, lane->port, 0, &lane->counts);
		stats_count(s, "turns_full", lane->turns_full);
		report_reasons(s, "drops", drops, L2FWD_DROPS);
		stats_object_end(s);
	}
	stats_array_end(s);
}

static void
write_accounting(struct stats *s, const struct l2fwd *f)
{
	uint64_t in = 0;
	uint64_t out = 0;
	uint64_t drops = 0;

	for (uint16_t i = 0; i < f->lane_count; i++) {
		in += f->lanes[i].counts.rx_packets;
		out += f->lanes[i].counts.tx_packets;
		for (int reason = 0; reason < L2FWD_DROPS; reason++)
			drops += f->lanes[i].drops[reason];
	}
	report_accounting(s, in, out, drops);
}

/* Leaves the statistics; reads the drivers' counts before the links go down, and the pool's after.
 */
static int
finish(struct process *p)
{
	const struct l2fwd_line *line = &p->line;
	struct driver_stats driver[PORT_MAX];
	struct clock_mark now = clock_mark();
	struct named_count cut_off = {.name = "cut_off"};
	uint32_t in_use;
	struct stats *s;
	int code = capture_end(&p->capture) == 0 ? EXIT_DONE : EXIT_FAILED;

	driver_stats_read(p->states, p->started, driver);
	for (; p->started > 0; p->started--)
		port_end(p->states[p->started - 1].port);
	pool_flush_cache(p->pool);
	in_use = rte_mempool_in_use_count(p->pool);
	s = stats_open(line->stats, "l2fwd", "sut");
	if (s != NULL) {
		stats_number(s, "ticks_per_s", clock_ticks_per_s(&p->began, &now));
		stats_string(s, "proc_type", "primary");
		stats_string(s, "idle", line->shape.idle == IDLE_YIELD ? "yield" : "spin");
		stats_string(s, "shape", loop_shape_name(&line->shape));
		stats_count(s, "sleep_us", line->shape.sleep_us);
		stats_number(s, "drain_us", line->drain_us);
		stats_count(s, "turns", p->forwarder.turns);
		stats_string(s, "ended", "signal");
		write_queues(s, &p->forwarder);
		write_accounting(s, &p->forwarder);
		cut_off.count = p->forwarder.guard.faults > 0 ? in_use : 0;
		report_pool(s, p->pool, in_use, &cut_off, 1);
		report_driver_stats(s, p->states, p->port_count, driver);
		stats_threads(s);
		if (stats_close(s) == 0)
			return code;
	}
	complain("cannot write --stats %s: %s", line->stats, strerror(errno));
	return EXIT_FAILED;
}

static int
start_ports(struct process *p)
{
	uint32_t mbufs = pool_mbufs_of_process(L2FWD_BURST);

	for (uint16_t i = 0; i < p->port_count; i++) {
		if (!port_can(p->ports[i], 1, false))
			return EXIT_WRONG_USE;
		/* And a send buffer of each. */
		mbufs += port_mbufs(p->ports[i], &p->line.wish) + L2FWD_BURST;
		/* A copy of each frame in the send buffer. */
		mbufs += p->line.dump > 0 ? L2FWD_BURST : 0;
	}
	p->pool = pool_create_for("l2fwd_pool", mbufs, p->line.wish.mtu);
	if (p->pool == NULL)
		return EXIT_FAILED;
	for (; p->started < p->port_count; p->started++)
		if (port_start(p->ports[p->started], &p->line.wish, p->pool,
				    &p->states[p->started]) != 0)
			return EXIT_FAILED;
	return EXIT_DONE;
}

static int
work(struct process *p)
{
	struct clock_mark now;

	l2fwd_begin(&p->forwarder, &p->line, p->states, p->port_count, &p->capture);
	if (capture_begin(&p->capture, p->line.capture, p->line.dump, PCAP_ETHERNET) != 0)
		return EXIT_FAILED;
	now = clock_mark();
	lifecycle_ready("ports=%u", p->port_count);
	l2fwd_run(&p->forwarder, clock_ticks_per_s(&p->began, &now));
	return finish(p);
}

static struct program_end
run(void *self)
{
	struct process *p = self;
	int code;

	p->port_count = ports_of_mask(p->line.port_mask, p->ports);
	code = p->port_count > 0 ? start_ports(p) : EXIT_WRONG_USE;
	if (code == EXIT_DONE)
		code = work(p);
	for (; p->started > 0; p->started--)
		port_end(p->states[p->started - 1].port);
	rte_mempool_free(p->pool);
	return (struct program_end){.code = code};
}

int
main(int argc, char **argv)
{
	static struct process process;
	struct program program = {
			.name = "l2fwd",
			.alone = true,
			.read = l2fwd_line_read,
			.options = &process.line,
			.run = run,
			.self = &process,
	};

	process.began = clock_mark();
	return program_main(&program, argc, argv);
}
