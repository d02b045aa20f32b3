#define _GNU_SOURCE
#include "probe.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "lifecycle.h"

/* Rounds that are timed together: reading the clock costs about a tenth of one round. */
#define BATCH 16
#define MAX_BATCHES 65536
/* Two lines apart: the prefetcher fetches lines in pairs. */
#define LINE 128
/* How many times the length asked for until a partner that gets no CPU is given up. */
#define PATIENCE 50
#define PATIENCE_LEAST_MS 2000

struct shared {
	_Alignas(LINE) _Atomic uint64_t turn; /* odd: the ball is with the partner */
	_Alignas(LINE) _Atomic bool stop;
	unsigned int partner_cpu;
	int partner_error;
};

static int
pin(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static void *
partner(void *argument)
{
	struct shared *s = argument;

	s->partner_error = pin(s->partner_cpu);
	while (!atomic_load_explicit(&s->stop, memory_order_relaxed)) {
		uint64_t turn = atomic_load_explicit(&s->turn, memory_order_acquire);

		/* No pause instruction: it takes up to 140 cycles, which are not the line's. */
		if ((turn & 1) != 0)
			atomic_store_explicit(&s->turn, turn + 1, memory_order_release);
	}
	return NULL;
}

/* Sends the ball and waits for it; false if it was not back by `limit`. */
static bool
bounce(struct shared *s, uint64_t *turn, uint64_t limit)
{
	unsigned int waited = 0;

	atomic_store_explicit(&s->turn, *turn + 1, memory_order_release);
	*turn += 2;
	while (atomic_load_explicit(&s->turn, memory_order_acquire) != *turn) {
		if (++waited % 4096 == 0 && clock_ticks() > limit)
			return false;
	}
	return true;
}

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a;
	uint32_t y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Fills `batches` with ticks per BATCH rounds until the time is over; how many, or 0 if the partner
 * never answered. */
static uint64_t
measure(struct shared *s, unsigned int ms, uint32_t *batches, double *ticks_per_s)
{
	double rate = clock_calibrate(5);
	uint64_t length = (uint64_t)(rate * ms * 1e-3);
	uint64_t patience_ms = (uint64_t)ms * PATIENCE;
	uint64_t limit, end;
	uint64_t turn = 0;
	uint64_t count = 0;

	if (patience_ms < PATIENCE_LEAST_MS)
		patience_ms = PATIENCE_LEAST_MS;
	limit = clock_ticks() + (uint64_t)(rate * (double)patience_ms * 1e-3);
	*ticks_per_s = rate;
	/* The first rounds wait for the partner to start and move to its CPU. */
	for (int i = 0; i < 1000; i++)
		if (!bounce(s, &turn, limit))
			return 0;
	end = clock_ticks() + length;
	while (count < MAX_BATCHES) {
		uint64_t begin = clock_ticks();
		uint64_t spent;

		if (begin >= end && count > 0)
			break;
		for (int i = 0; i < BATCH; i++)
			if (!bounce(s, &turn, limit))
				return count;
		spent = clock_ticks() - begin;
		batches[count++] = spent < UINT32_MAX ? (uint32_t)spent : UINT32_MAX;
	}
	return count;
}

int
probe_run(unsigned int a, unsigned int b, unsigned int ms, struct probe_result *result)
{
	struct shared *s = aligned_alloc(LINE, sizeof(*s));
	uint32_t *batches = calloc(MAX_BATCHES, sizeof(*batches));
	double ticks_per_s = 0;
	uint64_t count = 0;
	pthread_t thread;
	int error = ENOMEM;

	if (s == NULL || batches == NULL)
		goto out;
	memset(s, 0, sizeof(*s));
	s->partner_cpu = b;
	error = pin(a);
	if (error != 0) {
		complain("cannot run on CPU %u: %s", a, strerror(error));
		goto freed;
	}
	error = pthread_create(&thread, NULL, partner, s);
	if (error != 0)
		goto out;
	count = measure(s, ms, batches, &ticks_per_s);
	atomic_store(&s->stop, true);
	(void)pthread_join(thread, NULL);
	error = s->partner_error;
	if (error != 0) {
		complain("cannot run on CPU %u: %s", b, strerror(error));
		goto freed;
	}
	if (count == 0) {
		complain("CPU %u did not answer CPU %u: is it kept busy by something of higher "
			 "priority?",
				b, a);
		error = ETIMEDOUT;
		goto freed;
	}
	qsort(batches, count, sizeof(*batches), compare);
	result->p50_ns = batches[count / 2] * 1e9 / ticks_per_s / BATCH;
	result->p10_ns = batches[count / 10] * 1e9 / ticks_per_s / BATCH;
	result->rounds = count * BATCH;
out:
	if (error != 0)
		complain("cannot start the probe: %s", strerror(error));
freed:
	free(batches);
	free(s);
	return error == 0 ? 0 : -1;
}
