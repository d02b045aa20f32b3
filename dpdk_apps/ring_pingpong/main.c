/*
 * ring_pingpong: two processes, two rings, one mempool, and as little around them as can be. It is
 * the yardstick of simple_mp.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#include "clock.h"
#include "command_line.h"
#include "lifecycle.h"
#include "primary_watch.h"
#include "program.h"
#include "recorder.h"

#define THERE_NAME "ring_pingpong_there"
#define BACK_NAME "ring_pingpong_back"
#define POOL_NAME "ring_pingpong_pool"
/* As simple_mp has it. */
#define OBJECTS 2047
#define CACHE 128

struct pingpong {
	struct command_line line;
	struct clock_mark began;
	struct rte_ring *there;
	struct rte_ring *back;
	struct rte_mempool *pool;
};

static inline void
write_message(uint64_t *words, size_t size, uint64_t number)
{
	for (size_t i = 0; i < size / 8; i++)
		words[i] = number + i;
}

/* Reads every word; the compiler may not leave it out. */
static inline void
read_message(const uint64_t *words, size_t size)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < size / 8; i++)
		sum += words[i];
	__asm__ volatile("" : : "r"(sum));
}

/* Takes an object off `r`. False: to stop. */
static inline bool
take(struct rte_ring *r, enum idle_policy idle, void **object)
{
	while (rte_ring_dequeue(r, object) != 0) {
		if (unlikely(lifecycle_stopping()))
			return false;
		idle_wait(idle);
	}
	return true;
}

static void
serve(const struct pingpong *p)
{
	struct primary_watch watch = {0};
	void *object;

	while (!lifecycle_stopping()) {
		if (rte_ring_dequeue(p->there, &object) != 0) {
			idle_wait(p->line.idle);
			if (unlikely(primary_lost(&watch)))
				return;
			continue;
		}
		read_message(object, p->line.size);
		/* There is room: the ring is larger than the pool. */
		if (rte_ring_enqueue(p->back, object) != 0)
			rte_mempool_put(p->pool, object);
	}
}

/* Sends until the window is over, the recorder is full, or a stop is asked for. */
static void
play(const struct pingpong *p, struct recorder *r, double ticks_per_s)
{
	uint64_t begin = clock_ticks();
	uint64_t warm = begin + (uint64_t)(p->line.warmup_s * ticks_per_s);
	uint64_t end = warm + (uint64_t)(p->line.window_s * ticks_per_s);
	uint64_t came = begin;
	bool open = false;

	while (came < end && recorder_room(r) > 0) {
		void *object;
		uint64_t sent;

		if (unlikely(!open && came >= warm)) {
			recorder_window_begin(r);
			open = true;
		}
		if (rte_mempool_get(p->pool, &object) != 0)
			return;
		write_message(object, p->line.size, recorder_next(r));
		sent = clock_ticks();
		if (rte_ring_enqueue(p->there, object) != 0 ||
				!take(p->back, p->line.idle, &object))
			return;
		came = clock_ticks();
		read_message(object, p->line.size);
		rte_mempool_put(p->pool, object);
		(void)recorder_return(r, recorder_send(r, sent), came);
	}
	recorder_window_end(r);
}

static int
measure(struct pingpong *p)
{
	struct recorder *r = recorder_create(p->line.max_samples);
	struct clock_mark now;
	int code = EXIT_DONE;

	if (r == NULL) {
		complain("no memory for %" PRIu64 " samples: %s", p->line.max_samples,
				strerror(errno));
		return EXIT_FAILED;
	}
	lifecycle_ready("size=%" PRIu64, p->line.size);
	now = clock_mark();
	play(p, r, clock_ticks_per_s(&p->began, &now));
	now = clock_mark();
	if (recorder_write(r, p->line.samples, clock_ticks_per_s(&p->began, &now)) != 0) {
		complain("cannot write --samples %s: %s", p->line.samples, strerror(errno));
		code = EXIT_FAILED;
	}
	recorder_destroy(r);
	if (code == EXIT_DONE)
		lifecycle_linger();
	return code;
}

static int
primary(struct pingpong *p)
{
	int socket = (int)rte_socket_id();

	if (p->line.samples == NULL || p->line.max_samples == 0 || p->line.window_s <= 0) {
		complain("--samples, --max-samples or --window is missing; --help lists the "
			 "options");
		return EXIT_WRONG_USE;
	}
	p->there = rte_ring_create(THERE_NAME, OBJECTS + 1, socket, p->line.flags);
	p->back = rte_ring_create(BACK_NAME, OBJECTS + 1, socket, p->line.flags);
	p->pool = rte_mempool_create(POOL_NAME, OBJECTS, PINGPONG_MAX_SIZE, CACHE, 0, NULL, NULL,
			NULL, NULL, socket, 0);
	if (p->there != NULL && p->back != NULL && p->pool != NULL)
		return measure(p);
	complain("no memory for rings and mempool: %s", rte_strerror(rte_errno));
	return EXIT_FAILED;
}

static int
secondary(struct pingpong *p)
{
	p->there = rte_ring_lookup(THERE_NAME);
	p->back = rte_ring_lookup(BACK_NAME);
	p->pool = rte_mempool_lookup(POOL_NAME);
	if (p->there == NULL || p->back == NULL || p->pool == NULL) {
		complain("the primary has no rings yet: wait for its @ready line");
		return EXIT_WRONG_USE;
	}
	lifecycle_ready("size=%" PRIu64, p->line.size);
	serve(p);
	return EXIT_DONE;
}

static struct program_end
run(void *self)
{
	bool is_primary = rte_eal_process_type() == RTE_PROC_PRIMARY;

	return (struct program_end){.code = is_primary ? primary(self) : secondary(self)};
}

int
main(int argc, char **argv)
{
	struct pingpong pingpong = {.began = clock_mark()};
	struct program program = {
			.name = "ring_pingpong",
			.read = command_line_read,
			.options = &pingpong.line,
			.run = run,
			.self = &pingpong,
	};

	return program_main(&program, argc, argv);
}
