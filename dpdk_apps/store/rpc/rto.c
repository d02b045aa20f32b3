#include "rto.h"

#include "mix64.h"

void
rto_sample(struct rto *r, uint64_t ticks)
{
	uint64_t off;

	if (ticks == 0)
		ticks = 1;
	if (r->srtt == 0) {
		r->srtt = ticks;
		r->rttvar = ticks / 2;
		return;
	}
	off = ticks > r->srtt ? ticks - r->srtt : r->srtt - ticks;
	r->rttvar = (3 * r->rttvar + off) / 4;
	r->srtt = (7 * r->srtt + ticks) / 8;
	if (r->srtt == 0)
		r->srtt = 1;
}

uint64_t
rto_wait(struct rto *r, uint32_t timeouts)
{
	uint64_t wait = r->srtt == 0 ? r->first : r->srtt + 4 * r->rttvar;

	if (wait < r->floor)
		wait = r->floor;
	for (; timeouts > 0 && wait < r->ceiling; timeouts--)
		wait *= 2;
	if (wait > r->ceiling)
		wait = r->ceiling;
	r->random += MIX64_STEP;
	/* The upper half of the product is as good as a remainder, and needs no division. */
	return wait + (uint64_t)((unsigned __int128)mix64(r->random) * (wait / 4 + 1) >> 64);
}
