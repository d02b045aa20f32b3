#include "echo.h"

#include <inttypes.h>

#include <rte_branch_prediction.h>
#include <rte_cycles.h>

#include "clock.h"
#include "message.h"

void
echo_begin(struct echo *e, const struct space *s, uint16_t place)
{
	*e = (struct echo){
			.space = s,
			.place = place,
			.size = s->record->size,
			.tag = s->record->tag,
	};
}

static void
read_text(struct echo *e, const struct object *o)
{
	e->texts++;
	complain("received: %.*s", (int)o->length, (const char *)o->message);
}

static inline void
read_object(struct echo *e, const struct object *o)
{
	struct message message;

	e->rx_bytes += o->length;
	if (unlikely(o->kind == OBJECT_TEXT))
		read_text(e, o);
	else if (unlikely(message_read_sized(&message, o->message, o->length, e->size, e->tag) !=
				 MESSAGE_OK))
		e->corrupt++;
}

uint32_t
echo_turn(struct echo *e)
{
	struct object *objects[SPACE_BURST];
	struct reply replies[SPACE_BURST];
	uint64_t tick;
	uint32_t given;
	uint32_t n;

	if (unlikely(e->fault == FAULT_DEQUEUE))
		fault_die_taking(e->space);
	n = rte_ring_dequeue_burst_elem(
			e->space->down, objects, sizeof(objects[0]), SPACE_BURST, NULL);
	if (n == 0)
		return 0;
	tick = clock_ticks();
	e->received += n;
	if (unlikely(e->fault == FAULT_HOLDING))
		fault_die();
	for (uint32_t i = 0; i < n; i++) {
		read_object(e, objects[i]);
		replies[i] = reply_make(objects[i], e->place, tick);
	}
	if (unlikely(e->fault == FAULT_ENQUEUE))
		fault_die_giving(e->space);
	/* The ring has room for all objects there are, so it takes all of these. */
	given = rte_ring_enqueue_burst_elem(e->space->up, replies, sizeof(replies[0]), n, NULL);
	e->returned += given;
	for (uint32_t i = 0; i < given; i++)
		e->tx_bytes += objects[i]->length;
	return n;
}

enum echo_ending
echo_run(struct echo *e, enum idle_policy idle, enum fault fault, double after_s)
{
	struct primary_watch watch = {0};
	uint64_t after = (uint64_t)(after_s * (double)rte_get_timer_hz());
	uint64_t begun = 0;
	uint32_t turn = 0;

	while (!lifecycle_stopping()) {
		if (echo_turn(e) == 0)
			idle_wait(idle);
		if (unlikely(primary_lost(&watch)))
			return ECHO_PRIMARY_DIED;
		if (likely(++turn % PRIMARY_TURNS_PER_CLOCK_LOOK != 0))
			continue;
		if (__atomic_load_n(&e->space->record->closing, __ATOMIC_ACQUIRE))
			return ECHO_PRIMARY_ENDED;
		if (likely(fault == FAULT_NONE))
			continue;
		/* The primary begins when all have joined, which may be long after this one. */
		if (begun == 0 && e->space->down->prod.head > 0)
			begun = clock_ticks();
		if (begun == 0 || clock_ticks() - begun < after)
			continue;
		if (fault == FAULT_IDLE)
			fault_die();
		e->fault = fault;
	}
	return ECHO_BY_SIGNAL;
}
