/*
 * The clock of all measurements: the CPU's time-stamp counter, read the same
 * way by DPDK and TCP programs, and its rate against CLOCK_MONOTONIC_RAW.
 */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>
#include <time.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

static inline uint64_t
clock_ticks(void)
{
#if defined(__x86_64__)
	return __rdtsc();
#elif defined(__aarch64__)
	uint64_t ticks;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
	return ticks;
#else
#error "no time-stamp counter known for this architecture"
#endif
}

/* One moment on both clocks. */
struct clock_mark {
	uint64_t ticks;
	uint64_t raw_ns;
};

/* Reads both clocks within as few nanoseconds of each other as a few tries allow. */
struct clock_mark clock_mark(void);

/* Ticks per second between two marks; the longer apart, the better (10 ms: about 10 ppm). */
double clock_ticks_per_s(const struct clock_mark *begin, const struct clock_mark *end);

/* Busy-waits about `ms` and returns the rate: for programs that need it before they measure. */
double clock_calibrate(unsigned int ms);

#endif
