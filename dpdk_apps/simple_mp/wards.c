#include "wards.h"

#include <inttypes.h>

#include <rte_common.h>

#include "lifecycle.h"

/* At the rings and at one secondary: to see whether that lives takes some 20 us, which N of them at
 * once would show in a latency. */
#define LOOKS_PER_S 10u
#define LOOKS_AT_EACH_PER_S 5u
/* A living process that loses its CPU within an operation holds the tail up as well, for as long as
 * it takes until it runs again. */
#define STUCK_S 0.2

void
wards_begin(struct wards *w, const struct space *s, double ticks_per_s, uint64_t timeout)
{
	uint32_t looks_per_s = RTE_MAX(LOOKS_PER_S, LOOKS_AT_EACH_PER_S * s->record->secondaries);

	*w = (struct wards){
			.space = s,
			.ticks_per_s = ticks_per_s,
			.timeout = timeout,
			.between_looks = (uint64_t)(ticks_per_s / looks_per_s),
	};
	for (int i = 0; i < ROSTER_PLACES; i++)
		w->seen_taken_over[i] =
				__atomic_load_n(&s->record->taken_over[i], __ATOMIC_ACQUIRE);
}

struct count {
	uint64_t before;
	uint32_t out;
};

static void
count_out(struct rte_mempool *pool, void *counting, void *object, unsigned int index)
{
	struct count *count = counting;
	const struct object *o = object;

	(void)pool;
	(void)index;
	if (o->out != 0 && o->seq < count->before)
		count->out++;
}

uint32_t
wards_out(const struct space *s, uint64_t seq)
{
	struct count count = {.before = seq};

	(void)rte_mempool_obj_iter(s->pool, count_out, &count);
	return count.out;
}

static void
note_death(struct wards *w, uint16_t place, uint64_t now, uint64_t next_seq)
{
	w->dead[place] = true;
	w->deaths++;
	w->last_death = now;
	/* What living ones hold comes back well before that. */
	w->reckon_at = now + w->timeout;
	w->reckon_seq = next_seq;
	complain("secondary %u was killed; the others go on, and another may take its place",
			place);
}

static void
look_at_place(struct wards *w, uint16_t place, uint64_t now, uint64_t next_seq)
{
	struct space_record *record = w->space->record;
	uint32_t taken_over = __atomic_load_n(&record->taken_over[place], __ATOMIC_ACQUIRE);

	if (taken_over != w->seen_taken_over[place]) {
		w->seen_taken_over[place] = taken_over;
		if (!w->dead[place]) /* killed and followed by another between two looks */
			note_death(w, place, now, next_seq);
		w->dead[place] = false;
		complain("secondary %u is back, as process %d", place,
				(int)roster_holder(&record->roster, place));
	} else if (!w->dead[place] && roster_died(&record->roster, place)) {
		note_death(w, place, now, next_seq);
	}
}

/* Messages before `seq` that are still on the ring to the secondaries: where nobody lives to take
 * them. `next_seq` - `seq` messages went on it since. */
static uint32_t
waiting(const struct space *s, uint64_t seq, uint64_t next_seq)
{
	uint64_t on_ring = rte_ring_count(s->down);
	uint64_t since = next_seq - seq;

	return on_ring > since ? (uint32_t)(on_ring - since) : 0;
}

static void
reckon(struct wards *w, uint64_t now, uint64_t next_seq)
{
	uint32_t out;

	if (w->reckon_at == 0 || now < w->reckon_at)
		return;
	w->reckon_at = 0;
	out = wards_out(w->space, w->reckon_seq) - waiting(w->space, w->reckon_seq, next_seq);
	complain("%" PRIu32 " messages were in the hands of the one that was killed: they are lost "
		 "to the mempool of %u",
			out > w->leaked ? out - w->leaked : 0, w->space->pool->size);
	w->leaked = out;
}

/* Whether a tail has stood behind its head for too long. */
static bool
stands(const struct wards *w, struct ring_end *last, uint64_t *since, struct ring_end seen,
		uint64_t now)
{
	if (seen.head == seen.tail)
		*since = 0;
	else if (*since == 0 || seen.tail != last->tail)
		*since = now;
	*last = seen;
	return *since != 0 && (double)(now - *since) > STUCK_S * w->ticks_per_s;
}

static void
call_stuck(struct wards *w, bool giving)
{
	w->stuck = giving ? "to the primary" : "to the secondaries";
	complain("the ring %s is stuck: a process was killed within an operation on it, its tail "
		 "stands still, and nothing goes over it any more; restart the primary and all "
		 "secondaries",
			w->stuck);
}

/*
 * Whether a death can be why a tail stands since `since`: a later one, noticed at the same look at
 * the earliest, or one that nobody followed (who follows looks first whether the rings come to
 * rest). Otherwise a living one is stopped or waits for its CPU, and goes on some day.
 */
static bool
death_explains(const struct wards *w, uint64_t since)
{
	if (w->deaths == 0)
		return false;
	for (uint16_t place = 1; place <= w->space->record->secondaries; place++)
		if (w->dead[place])
			return true;
	return w->last_death >= since;
}

static void
look_at_rings(struct wards *w, uint64_t now)
{
	bool taking = stands(w, &w->taking, &w->taking_since, space_taking_end(w->space), now);
	bool giving = stands(w, &w->giving, &w->giving_since, space_giving_end(w->space), now);

	taking = taking && death_explains(w, w->taking_since);
	giving = giving && death_explains(w, w->giving_since);
	if (taking || giving)
		call_stuck(w, giving);
}

bool
wards_look(struct wards *w, uint64_t now, uint64_t next_seq)
{
	if (now < w->next_look || w->stuck != NULL)
		return w->stuck != NULL;
	w->next_look = now + w->between_looks;
	w->place = w->place < w->space->record->secondaries ? w->place + 1 : 1;
	look_at_place(w, w->place, now, next_seq);
	look_at_rings(w, now);
	reckon(w, now, next_seq);
	return w->stuck != NULL;
}

void
wards_end(struct wards *w, uint64_t now, uint64_t next_seq)
{
	struct ring_end taking = space_taking_end(w->space);
	struct ring_end giving = space_giving_end(w->space);

	for (uint16_t place = 1; place <= w->space->record->secondaries; place++)
		look_at_place(w, place, now, next_seq);
	if (w->stuck == NULL && (taking.head != taking.tail || giving.head != giving.tail))
		call_stuck(w, giving.head != giving.tail);
}
