#include "exchange.h"

#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "clock.h"
#include "lifecycle.h"

/* Idle turns of a closed loop between looks at the clock: it has nothing to do by the clock but end
 * its phases. */
#define TURNS_PER_CLOCK_LOOK 16

/* Takes one message back into the mempool after the meter has seen it. */
static inline void
take_back(struct exchange *x, const struct reply *reply, uint64_t tick)
{
	struct object *o = reply_object(reply);
	uint16_t place = reply_place(reply);
	uint64_t seq;

	x->by_place[place]++;
	switch (meter_returned_by(x->meter, o->message, o->length, tick, place, &seq)) {
	case METER_OK:
		(void)recorder_return(x->oneway, seq, reply->tick);
		break;
	case METER_REFUSED:
		x->refused++;
		break;
	case METER_REPEATED:
		break;
	}
	o->out = 0;
}

/* What has come back. Returns how many. */
static inline uint32_t
receive(struct exchange *x)
{
	struct reply replies[SPACE_BURST];
	void *objects[SPACE_BURST];
	uint32_t n = rte_ring_dequeue_burst_elem(
			x->space->up, replies, sizeof(replies[0]), SPACE_BURST, NULL);
	uint64_t tick;

	if (n == 0)
		return 0;
	x->received += n;
	tick = clock_ticks();
	for (uint32_t i = 0; i < n; i++) {
		take_back(x, &replies[i], tick);
		objects[i] = reply_object(&replies[i]);
	}
	rte_mempool_put_bulk(x->space->pool, objects, n);
	return n;
}

/* Makes the next `n` messages. False: there are not that many objects free. */
static inline bool
make(struct exchange *x, struct object **objects, uint32_t n)
{
	uint64_t next = meter_next(x->meter);

	if (unlikely(rte_mempool_get_bulk(x->space->pool, (void **)objects, n) != 0))
		return false;
	for (uint32_t i = 0; i < n; i++) {
		objects[i]->length = x->options->size;
		objects[i]->kind = OBJECT_MEASURED;
		objects[i]->out = 1;
		objects[i]->seq = next + i;
		meter_write(x->meter, i, objects[i]->message);
	}
	return true;
}

static inline void
note_sent(struct exchange *x, uint64_t tick)
{
	(void)recorder_send(x->oneway, tick);
	(void)meter_sent(x->meter, tick);
}

/* Sends what may leave now. Returns how many messages left. */
static inline uint32_t
transmit(struct exchange *x, uint64_t now)
{
	struct object *objects[SPACE_BURST];
	uint64_t wanted = window_allows(&x->window, x->options, now);
	uint32_t n = (uint32_t)RTE_MIN(wanted, (uint64_t)SPACE_BURST);
	uint64_t tick;
	uint32_t taken;

	if (n == 0)
		return 0;
	if (unlikely(!make(x, objects, n))) {
		x->pool_empty++;
		return 0;
	}
	tick = clock_ticks();
	taken = rte_ring_enqueue_burst_elem(x->space->down, objects, sizeof(objects[0]), n, NULL);
	for (uint32_t i = 0; i < taken; i++)
		note_sent(x, x->options->rate > 0 ? schedule_tick(&x->window.schedule,
								    meter_next(x->meter))
						  : tick);
	x->sent += taken;
	/* There is room for all objects; what a ring still did not take is ours. */
	if (unlikely(taken < n)) {
		for (uint32_t i = taken; i < n; i++)
			objects[i]->out = 0;
		rte_mempool_put_bulk(x->space->pool, (void **)&objects[taken], n - taken);
	}
	return taken;
}

/* The second recorder's window is the meter's, which ends with a ring that is stuck. */
static enum phase
follow(struct exchange *x, uint64_t now, bool stuck)
{
	bool opened = x->window.opened != 0;
	bool closed = x->window.closed != 0;
	enum phase phase = PHASE_OVER;

	if (unlikely(stuck))
		window_fail(&x->window, now, "ring stuck");
	else
		phase = window_follow(&x->window, now);
	if (!opened && x->window.opened != 0)
		recorder_window_begin(x->oneway);
	if (!closed && x->window.closed != 0)
		recorder_window_end(x->oneway);
	return phase;
}

void
exchange_run(struct exchange *x, double ticks_per_s)
{
	bool open = x->options->rate > 0;
	uint64_t now = clock_ticks();
	uint64_t next_expiry;
	enum phase phase = PHASE_WARMUP;
	uint32_t idle_turns = 0;

	window_begin(&x->window, x->meter, x->options, ticks_per_s, now);
	wards_begin(&x->wards, x->space, ticks_per_s, x->window.timeout);
	next_expiry = now + x->window.timeout;
	while (phase < PHASE_DRAIN || (phase == PHASE_DRAIN && x->meter->outstanding > 0)) {
		uint32_t moved = receive(x);

		if (moved > 0 || open || idle_turns % TURNS_PER_CLOCK_LOOK == 0) {
			now = clock_ticks();
			phase = follow(x, now, wards_look(&x->wards, now, meter_next(x->meter)));
			if (unlikely(phase == PHASE_OVER))
				break;
			/* A lost message must not hold its place in a closed loop. */
			if (!open && now > next_expiry) {
				(void)meter_expire(x->meter, now, x->window.timeout);
				next_expiry = now + x->window.timeout / 8;
			}
		}
		if (phase < PHASE_DRAIN)
			moved += transmit(x, now);
		if (x->floor != NULL)
			moved += echo_turn(x->floor);
		if (moved == 0) {
			idle_turns++;
			idle_wait(x->options->idle);
		}
	}
	/* Whatever is still out is lost. */
	(void)meter_expire(x->meter, UINT64_MAX, 0);
}

uint32_t
exchange_clear(struct exchange *x)
{
	struct object *objects[SPACE_BURST];
	uint32_t n;

	wards_end(&x->wards, clock_ticks(), meter_next(x->meter));
	while (receive(x) > 0)
		continue;
	/* An end where somebody died would wait for him. */
	if (x->wards.stuck == NULL)
		while ((n = rte_ring_dequeue_burst_elem(x->space->down, objects, sizeof(objects[0]),
					SPACE_BURST, NULL)) > 0) {
			for (uint32_t i = 0; i < n; i++)
				objects[i]->out = 0;
			rte_mempool_put_bulk(x->space->pool, (void **)objects, n);
		}
	return wards_out(x->space, UINT64_MAX);
}
