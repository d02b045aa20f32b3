/*
 * Which version each block of the file may have: the last whose write was acknowledged, or one
 * whose write is out or ended without an answer, since nobody knows whether that was carried out.
 */
#ifndef STORE_VERSIONS_H
#define STORE_VERSIONS_H

#include <stdbool.h>
#include <stdint.h>

struct version_range {
	uint32_t known;	 /* acknowledged: no older one may be read from now on */
	uint32_t issued; /* the newest whose write was sent */
};

struct versions {
	uint64_t count; /* blocks */
	struct version_range *of;
};

/* All blocks at version 0. 0, or -1 with errno set. */
int versions_begin(struct versions *v, uint64_t count);
void versions_end(struct versions *v);

/* A block for a write, from `at` on: one that has none out, if there is one nearby. */
uint64_t versions_choose(const struct versions *v, uint64_t at);

/* A write of the block is sent: the version that it carries. */
uint32_t versions_issue(struct versions *v, uint64_t block);

/* It was acknowledged. Where others were out or had no answer, any of them may be the last that was
 * carried out: what is known stays as it is. */
void versions_acknowledge(struct versions *v, uint64_t block, uint32_t version);

/* What is known when a read is sent, to be checked when its answer is there. */
static inline uint32_t
versions_known(const struct versions *v, uint64_t block)
{
	return v->of[block].known;
}

/* Whether a read that was sent when `known` was known may have found `version`. */
static inline bool
versions_may_be(const struct versions *v, uint64_t block, uint32_t known, uint64_t version)
{
	return version >= known && version <= v->of[block].issued;
}

#endif
