#include "work.h"

#include "mix64.h"

uint64_t
work_random(const struct load_options *o, uint64_t seq)
{
	return mix64(mix64(o->generator.tag + MIX64_STEP) + seq * MIX64_STEP);
}

bool
work_writes(const struct load_options *o, uint64_t seq)
{
	/* Bits that say nothing of the place. */
	return (work_random(o, seq) >> 32) % 100 < o->write_percent;
}
