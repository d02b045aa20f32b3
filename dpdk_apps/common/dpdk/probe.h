/*
 * Before the measurement: learns where frames are to go, and proves that every
 * path answers, so that a run that cannot work says what is silent instead of
 * counting losses.
 */
#ifndef COMMON_DPDK_PROBE_H
#define COMMON_DPDK_PROBE_H

#include <stdint.h>

#include "link.h"

/* Run tag of the probes of run `tag`: their late echoes are told from messages by it. */
static inline uint32_t
probe_tag(uint32_t tag)
{
	return ~tag;
}

/* 0, or -1 after a message that names a port, queue and flow that did not answer in time. */
int probe(struct link *l, const struct link_options *o, const struct generator_options *g);

#endif
