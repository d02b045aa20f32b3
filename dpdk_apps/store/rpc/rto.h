/*
 * How long to wait for an answer before asking: RFC 6298 over ticks. Karn's rule is the
 * caller's: no sample from what was sent more than once.
 */
#ifndef STORE_RTO_H
#define STORE_RTO_H

#include <stdbool.h>
#include <stdint.h>

struct rto {
	uint64_t floor;	  /* ticks */
	uint64_t ceiling; /* of a wait with its back-off */
	uint64_t srtt;	  /* ticks; 0 before the first sample */
	uint64_t rttvar;
	uint64_t first; /* the wait before there is a sample */
	uint64_t random;
};

/* One round trip took `ticks`. */
void rto_sample(struct rto *r, uint64_t ticks);

/* The wait after `timeouts` timeouts in a row, each of which doubles it; with up to a quarter more
 * by chance, so that clients that lost packets together do not ask together. */
uint64_t rto_wait(struct rto *r, uint32_t timeouts);

#endif
