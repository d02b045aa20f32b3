/*
 * A carrier around a carrier that does to packets what networks do, from a seed: the same packets
 * at the same ticks meet the same faults.
 */
#ifndef STORE_FAULT_H
#define STORE_FAULT_H

#include <stdint.h>

#include "carrier.h"

enum fault_kind {
	FAULT_DROP,
	FAULT_DUPLICATE,
	FAULT_REORDER,	/* up to three later ones overtake it */
	FAULT_DELAY,	/* up to `delay` ticks */
	FAULT_CORRUPT,	/* one bit flips */
	FAULT_TRUNCATE, /* its end is cut off */
	FAULT_KINDS,	/* number of values */
};

extern const char *const fault_kind_names[FAULT_KINDS];

/* What befalls the packets of one direction. */
struct fault_plan {
	double chance[FAULT_KINDS];    /* 0 to 1, each by itself */
	uint64_t exactly[FAULT_KINDS]; /* the n-th packet, the first being 1; 0: none */
	uint64_t delay;		       /* ticks, at most; of REORDER too, where nothing overtakes */
};

struct fault_counts {
	uint64_t packets;
	uint64_t done[FAULT_KINDS];
	uint64_t overflow; /* packets that were lost since too many were held back */
};

struct fault_config {
	struct carrier *under; /* outlives the shim */
	uint64_t (*ticks)(void *clock);
	void *clock;
	uint64_t seed;
	struct fault_plan out; /* packets sent */
	struct fault_plan in;  /* packets that come */
};

struct fault;

/* NULL with errno set. */
struct fault *fault_create(const struct fault_config *config);
void fault_destroy(struct fault *f);

/* What its user sends and polls by. */
struct carrier *fault_carrier(struct fault *f);

struct fault_counts fault_counts_out(const struct fault *f);
struct fault_counts fault_counts_in(const struct fault *f);

#endif
