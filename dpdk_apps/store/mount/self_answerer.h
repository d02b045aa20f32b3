/*
 * Nobody but the process itself as who answers the relay's requests: one file `data`, of zeros,
 * that takes every write and forgets it. What a mount costs without transport and store.
 */
#ifndef STORE_SELF_ANSWERER_H
#define STORE_SELF_ANSWERER_H

#include <linux/fuse.h>

#include "answerer.h"
#include "request_check.h"

struct self_answerer {
	struct answerer answerer; /* first */
	uint64_t size;		  /* of the file */
	const uint8_t *at;	  /* the answer: one of the two below */
	uint32_t answer;	  /* bytes of it */
	_Alignas(8) uint8_t small[512];
	/* The answer to READ: a header, and zeros. */
	_Alignas(8) uint8_t zeros[sizeof(struct fuse_out_header) + REQUEST_DATA_MAX];
};

/* NULL after one clear line; free() ends it. */
struct self_answerer *self_answerer_create(uint64_t size);

#endif
