/*
 * How long a cache line takes from one CPU to another and back: what lies under
 * every exchange between two cores, and what shifts when a hypervisor moves them.
 */
#ifndef CACHELINE_PROBE_PROBE_H
#define CACHELINE_PROBE_PROBE_H

#include <stdint.h>

struct probe_result {
	double p50_ns;
	double p10_ns;
	uint64_t rounds; /* counted ones */
};

/* Bounces a line between CPUs `a` and `b` for `ms`. 0, or -1 after a message. */
int probe_run(unsigned int a, unsigned int b, unsigned int ms, struct probe_result *result);

#endif
