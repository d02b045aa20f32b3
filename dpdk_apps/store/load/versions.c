#include "versions.h"

#include <stdlib.h>

/* Blocks that are looked at for one without a write. */
#define NEARBY 64

int
versions_begin(struct versions *v, uint64_t count)
{
	*v = (struct versions){.count = count, .of = calloc(count, sizeof(*v->of))};
	return v->of != NULL ? 0 : -1;
}

void
versions_end(struct versions *v)
{
	free(v->of);
	v->of = NULL;
}

uint64_t
versions_choose(const struct versions *v, uint64_t at)
{
	uint64_t looks = v->count < NEARBY ? v->count : NEARBY;

	for (uint64_t i = 0; i < looks; i++) {
		uint64_t block = (at + i) % v->count;

		if (v->of[block].known == v->of[block].issued)
			return block;
	}
	return at;
}

uint32_t
versions_issue(struct versions *v, uint64_t block)
{
	return ++v->of[block].issued;
}

void
versions_acknowledge(struct versions *v, uint64_t block, uint32_t version)
{
	struct version_range *range = &v->of[block];

	if (range->known + 1 == range->issued && version == range->issued)
		range->known = version;
}
