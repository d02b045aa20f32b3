#include "schedule.h"

void
schedule_begin(struct schedule *s, uint64_t now, double ticks_per_s, double rate, double warmup_s,
		double window_s, double drain_s)
{
	s->begin = now;
	s->warmup_end = now + (uint64_t)(warmup_s * ticks_per_s);
	s->window_end = s->warmup_end + (uint64_t)(window_s * ticks_per_s);
	s->drain_end = s->window_end + (uint64_t)(drain_s * ticks_per_s);
	s->ticks_per_packet = rate > 0 ? ticks_per_s / rate : 0;
}

void
schedule_cut(struct schedule *s, uint64_t now)
{
	uint64_t drain = s->drain_end - s->window_end;

	if (now >= s->window_end)
		return;
	if (now < s->warmup_end)
		s->warmup_end = now;
	s->window_end = now;
	s->drain_end = now + drain;
}

uint64_t
schedule_due(const struct schedule *s, uint64_t now)
{
	uint64_t n;

	if (now >= s->window_end)
		now = s->window_end - 1;
	if (s->ticks_per_packet <= 0 || now < s->begin || s->window_end <= s->begin)
		return 0;
	n = (uint64_t)((double)(now - s->begin) / s->ticks_per_packet);
	/* The division may round across a packet's own tick: agree with schedule_tick(). */
	while (n > 0 && schedule_tick(s, n) > now)
		n--;
	while (schedule_tick(s, n) <= now)
		n++;
	return n;
}
