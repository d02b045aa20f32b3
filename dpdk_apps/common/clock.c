#include "clock.h"

#include <stddef.h>

#define MARK_TRIES 8

static uint64_t
raw_ns(void)
{
	struct timespec t;

	/* Cannot fail: the clock exists since Linux 2.6.28 and the address is ours. */
	(void)clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

struct clock_mark
clock_mark(void)
{
	struct clock_mark best = {0};
	uint64_t best_gap = UINT64_MAX;

	/* The try with the shortest gap was interrupted least. */
	for (int i = 0; i < MARK_TRIES; i++) {
		uint64_t before = clock_ticks();
		uint64_t ns = raw_ns();
		uint64_t gap = clock_ticks() - before;

		if (gap < best_gap) {
			best_gap = gap;
			best.ticks = before + gap / 2;
			best.raw_ns = ns;
		}
	}
	return best;
}

double
clock_ticks_per_s(const struct clock_mark *begin, const struct clock_mark *end)
{
	if (end->raw_ns <= begin->raw_ns)
		return 0.0;
	return (double)(end->ticks - begin->ticks) * 1e9 / (double)(end->raw_ns - begin->raw_ns);
}

double
clock_calibrate(unsigned int ms)
{
	struct clock_mark begin = clock_mark();
	struct clock_mark end;
	uint64_t length_ns = (uint64_t)(ms > 0 ? ms : 1) * 1000000u;

	while (raw_ns() - begin.raw_ns < length_ns)
		;
	end = clock_mark();
	return clock_ticks_per_s(&begin, &end);
}
