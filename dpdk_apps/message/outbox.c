#include "outbox.h"

#include <string.h>

#include "clock.h"
#include "frame_capture.h"

bool
outbox_make(struct outbox *b, struct link *l, struct outgoing *o, const struct meter *m)
{
	uint32_t flow = meter_flow(m, b->made);
	uint16_t records = o->plan->records;

	outgoing_make(o, (uint32_t)b->made);
	for (uint16_t i = 0; i < records; i++) {
		uint16_t at = b->end + i;
		uint8_t *payload;

		b->frames[at] = link_frame(l, message_plan_record_bytes(o->plan, i), &payload);
		if (unlikely(b->frames[at] == NULL)) {
			rte_pktmbuf_free_bulk(&b->frames[b->end], i);
			return false;
		}
		(void)outgoing_record(o, i, payload);
		link_finish(l, b->frames[at], flow);
		b->lanes[at] = l->lane_of[flow];
		b->first[at] = i == 0;
		b->digests[at] = o->digest;
	}
	b->end += records;
	b->made++;
	return true;
}

/* The message that begins with frame `at` counts as sent. */
static void
note(struct outbox *b, uint16_t at, struct meter *m, uint64_t tick)
{
	if (!b->first[at])
		return;
	(void)meter_sent(m, tick);
	b->digest += b->digests[at];
}

uint32_t
outbox_send(struct outbox *b, struct link *l, struct meter *m, const struct schedule *schedule,
		uint16_t burst, struct capture *c)
{
	uint32_t all = 0;

	while (b->begin < b->end) {
		struct lane *lane = &l->lanes[b->lanes[b->begin]];
		struct rte_mbuf *copy = capture_copy(c, b->frames[b->begin]);
		uint16_t run = 1;
		uint64_t tick;
		uint16_t sent;

		/* While frames are kept they go one by one. */
		while (likely(copy == NULL) && run < burst && b->begin + run < b->end &&
				b->lanes[b->begin + run] == b->lanes[b->begin])
			run++;
		tick = clock_ticks();
		sent = link_send(l, lane, &b->frames[b->begin], run);
		capture_copy_end(c, copy, sent > 0);
		all += sent;
		if (unlikely(sent < run && schedule != NULL)) {
			rte_pktmbuf_free_bulk(&b->frames[b->begin + sent], run - sent);
			lane->drops[LINK_RING_FULL] += run - sent;
			sent = run;
		}
		for (uint16_t i = 0; i < sent; i++)
			note(b, b->begin + i, m,
					schedule != NULL ? schedule_tick(schedule, meter_next(m))
							 : tick);
		b->begin += sent;
		if (unlikely(sent < run))
			break;
	}
	/* What waits moves to the front: there is then room behind it. */
	if (unlikely(b->begin < b->end)) {
		uint16_t left = b->end - b->begin;

		memmove(b->frames, b->frames + b->begin, left * sizeof(b->frames[0]));
		memmove(b->digests, b->digests + b->begin, left * sizeof(b->digests[0]));
		memmove(b->lanes, b->lanes + b->begin, left * sizeof(b->lanes[0]));
		memmove(b->first, b->first + b->begin, left * sizeof(b->first[0]));
		b->end = left;
	} else {
		b->end = 0;
	}
	b->begin = 0;
	return all;
}

void
outbox_end(struct outbox *b, struct link *l)
{
	outbox_discard(b);
	rte_pktmbuf_free_bulk(&b->frames[b->begin], b->end - b->begin);
	outbox_abandon(b, l);
}

void
outbox_abandon(struct outbox *b, struct link *l)
{
	for (uint16_t i = b->begin; i < b->end; i++)
		l->lanes[b->lanes[i]].drops[LINK_UNFLUSHED]++;
	b->end = b->begin;
}

void
outbox_discard(struct outbox *b)
{
	uint16_t keep = b->begin;

	while (keep < b->end && !b->first[keep])
		keep++;
	for (uint16_t i = keep; i < b->end; i++)
		b->made -= b->first[i];
	rte_pktmbuf_free_bulk(&b->frames[keep], b->end - keep);
	b->end = keep;
}
