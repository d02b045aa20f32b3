#include "unit.h"

#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <rte_ethdev.h>

#include "burst_guard.h"

#define PORT 3
#define FRAMES 4

/* A driver whose rings are gone once it has done `good` frames. */
struct queue {
	volatile uint8_t *rings;
	uint16_t good;
	uint16_t done;
};

static uint16_t
burst(void *self, struct rte_mbuf **frames, uint16_t n)
{
	struct queue *q = self;

	for (q->done = 0; q->done < n; q->done++) {
		if (q->done == q->good)
			q->rings[0]++;
		frames[q->done] = NULL;
	}
	return n;
}

static void
plug(struct queue *q)
{
	static void *queues[1];
	void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(page, MAP_FAILED);
	assert_int_equal(munmap(page, 4096), 0);
	q->rings = page;
	queues[0] = q;
	rte_eth_fp_ops[PORT].rxq.data = queues;
	rte_eth_fp_ops[PORT].txq.data = queues;
	rte_eth_fp_ops[PORT].rx_pkt_burst = burst;
	rte_eth_fp_ops[PORT].tx_pkt_burst = burst;
}

static void
a_burst_that_comes_to_its_end_is_as_without_a_guard(void **state)
{
	struct rte_mbuf *frames[FRAMES];
	struct queue q = {.good = FRAMES};
	struct burst_guard guard;

	(void)state;
	plug(&q);
	burst_guard_begin(&guard);
	assert_int_equal(burst_receive(&guard, PORT, 0, frames, FRAMES), FRAMES);
	assert_int_equal(burst_send(&guard, PORT, 0, frames, FRAMES - 1), FRAMES - 1);
	assert_int_equal(q.done, FRAMES - 1);
	burst_guard_end(&guard);
}

/* Again and again, in both directions, and good ones between: nothing is used up, no signal stays
 * blocked. */
static void
a_burst_that_is_cut_off_ends_alone(void **state)
{
	struct rte_mbuf *frames[FRAMES];
	struct queue q = {0};
	struct burst_guard guard;

	(void)state;
	plug(&q);
	burst_guard_begin(&guard);
	for (int again = 0; again < 100; again++) {
		q.good = 2;
		assert_int_equal(burst_receive(&guard, PORT, 0, frames, FRAMES), BURST_FAULT);
		assert_int_equal(q.done, 2);
		assert_int_equal(burst_send(&guard, PORT, 0, frames, FRAMES), BURST_FAULT);
		q.good = FRAMES;
		assert_int_equal(burst_receive(&guard, PORT, 0, frames, FRAMES), FRAMES);
	}
	assert_int_equal(guard.faults, 200);
	burst_guard_end(&guard);
}

/* In a child: how a process ends that makes such a fault outside of a burst. */
static int
signal_that_ends(bool after_a_fault)
{
	struct rte_mbuf *frames[FRAMES];
	struct queue q = {0};
	struct burst_guard guard;
	int status = 0;
	pid_t pid;

	plug(&q);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		/* Without a sanitizer's handler, whose exit code is its own. */
		(void)signal(SIGSEGV, SIG_DFL);
		burst_guard_begin(&guard);
		if (after_a_fault)
			(void)burst_receive(&guard, PORT, 0, frames, FRAMES);
		q.rings[0]++;
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void
a_fault_anywhere_else_ends_the_program(void **state)
{
	(void)state;
	assert_int_equal(signal_that_ends(false), SIGSEGV);
	assert_int_equal(signal_that_ends(true), SIGSEGV);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(a_burst_that_comes_to_its_end_is_as_without_a_guard),
			cmocka_unit_test(a_burst_that_is_cut_off_ends_alone),
			cmocka_unit_test(a_fault_anywhere_else_ends_the_program),
	};

	return cmocka_run_group_tests_name("burst_guard", tests, NULL, NULL);
}
