/*
 * mbuf_pingpong: one frame to and fro between two ports, as fast as the driver lets it. It checks
 * nothing and is no protocol: the floor of what goes over the same ports.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "clock.h"
#include "lifecycle.h"
#include "pingpong_report.h"
#include "pool.h"
#include "port_options.h"
#include "program.h"

#define BURST 32
#define LINK_TIMEOUT_MS 5000
/* A round trip takes 200 ns and more: room for both phases at twice that rate. */
#define SAMPLES_PER_S 10000000.0
#define SAMPLES_MAX 40000000.0

static int
begin_port(struct pingpong *p)
{
	const struct port_wish wish = {
			.queues = 1, .rx_desc = PORT_DESCRIPTORS, .tx_desc = PORT_DESCRIPTORS};
	uint16_t ports[PORT_MAX];

	if (ports_of_mask(p->options->port_mask, ports) != 1) {
		complain("-p 0x%" PRIx64 ": one port is needed", p->options->port_mask);
		return EXIT_WRONG_USE;
	}
	if (!port_can(ports[0], 1, false))
		return EXIT_WRONG_USE;
	p->pool = pool_create("pingpong_pool",
			port_mbufs(ports[0], &wish) + pool_mbufs_of_process(BURST));
	if (p->pool == NULL || port_start(ports[0], &wish, p->pool, &p->port) != 0)
		return EXIT_FAILED;
	return EXIT_DONE;
}

static int
measure(struct pingpong *p, double ticks_per_s)
{
	double most = SAMPLES_PER_S * (p->options->measure.warmup_s + p->options->measure.window_s);

	if (ports_wait_link(&p->port.port, 1, LINK_TIMEOUT_MS) != 0 || ping_until_answered(p) != 0)
		return EXIT_FAILED;
	p->recorder = recorder_create((uint64_t)(most < SAMPLES_MAX ? most : SAMPLES_MAX));
	if (p->recorder == NULL) {
		complain("no memory for the samples: %s; make the window shorter", strerror(errno));
		return EXIT_FAILED;
	}
	lifecycle_ready("hz=%.0f", ticks_per_s);
	ping(p, ticks_per_s);
	if (p->lost_link == 0)
		return EXIT_DONE;
	complain("the other end of the link has gone");
	return EXIT_FAILED;
}

static struct program_end
run(void *self)
{
	const struct pingpong_options *o = self;
	struct pingpong p = {.options = o};
	double ticks_per_s = clock_calibrate(20);
	int code = begin_port(&p);

	if (code != EXIT_DONE)
		return (struct program_end){.code = code};
	burst_guard_begin(&p.guard);
	if (o->role == PINGPONG_PING) {
		code = measure(&p, ticks_per_s);
	} else {
		lifecycle_ready("port=%u", p.port.port);
		pong(&p);
	}
	burst_guard_end(&p.guard);
	if ((p.recorder != NULL || o->role == PINGPONG_PONG) &&
			pingpong_report(&p, ticks_per_s) != EXIT_DONE)
		code = EXIT_FAILED;
	recorder_destroy(p.recorder);
	/* Not polling any more, this end bears that the other one goes away. */
	if (code == EXIT_DONE && o->role == PINGPONG_PING && o->measure.linger)
		lifecycle_linger();
	if (p.lost_link > 0)
		return (struct program_end){.code = code, .leave_memory = true};
	port_end(p.port.port);
	return (struct program_end){.code = code};
}

int
main(int argc, char **argv)
{
	struct pingpong_options options;
	const struct program program = {
			.name = PINGPONG_NAME,
			.alone = true,
			.read = pingpong_options_read,
			.options = &options,
			.run = run,
			.self = &options,
	};

	return program_main(&program, argc, argv);
}
