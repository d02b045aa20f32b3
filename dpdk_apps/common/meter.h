/*
 * The meter of both generators: which messages are out, and what became of each.
 * It joins recorder and message so that DPDK and TCP are judged by the same code.
 *
 * Sending: write the next message (or several, `ahead` = 0, 1, ...), hand them to
 * the driver, and call meter_sent() once for each that it took, in order. What it
 * did not take was never sent.
 *
 * Not thread-safe.
 */
#ifndef COMMON_METER_H
#define COMMON_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "message.h"
#include "recorder.h"
#include "stats.h"

struct generator_options;

/* Who may give messages back, at most, where order is judged by that. */
#define METER_SENDERS 64

struct meter {
	struct recorder *recorder;
	uint32_t flows;
	uint32_t size;
	uint32_t tag;
	uint64_t outstanding; /* sent, and neither returned nor given up */
	uint64_t oldest;      /* no packet before this one is outstanding */
	uint64_t *newest;     /* [flows or senders] 1 + the highest sequence number that returned */
	uint64_t returns;     /* messages that returned for the first time, warm-up included */
	uint64_t given_up;    /* by meter_expire(), warm-up included */
	uint64_t reordered;   /* first returns behind a later one of their flow or sender */
	uint64_t errors[MESSAGE_ERRORS];
};

/* Memory for `o->max_samples` packets. 0, or -1 with errno set. */
int meter_begin(struct meter *m, const struct generator_options *o);
void meter_end(struct meter *m);

/* The flow of packet `seq`: packets go round the flows. */
static inline uint32_t
meter_flow(const struct meter *m, uint64_t seq)
{
	return (uint32_t)(seq % m->flows);
}

/* Sequence number of the next packet, or RECORDER_FULL. */
static inline uint64_t
meter_next(const struct meter *m)
{
	return recorder_next(m->recorder);
}

/* How many more messages can be sent and recorded. */
static inline uint64_t
meter_room(const struct meter *m)
{
	return recorder_room(m->recorder);
}

/* Writes message number meter_next() + ahead, `m->size` bytes. `ahead` must be less than
 * meter_room(). */
void meter_write(const struct meter *m, uint64_t ahead, uint8_t *to);

/* Message number meter_next() leaves; `tick` is when (open loop: when it was meant to). False: the
 * recorder is full. */
bool meter_sent(struct meter *m, uint64_t tick);

/* What a returned message turned out to be. */
enum meter_verdict {
	METER_OK,	/* first return of a message of ours, in or out of order */
	METER_REPEATED, /* duplicate, late, or never sent: counted by the recorder */
	METER_REFUSED,	/* foreign, short or corrupt: counted in errors */
};

/* Checks every byte of a message that came back at `tick`. */
enum meter_verdict meter_returned(
		struct meter *m, const uint8_t *from, size_t available, uint64_t tick);

/* The same for a message that another module has read and checked: `seq` came back at `tick`. */
enum meter_verdict meter_came_back(struct meter *m, uint64_t seq, uint64_t tick);

/* The same, with order judged among what one `sender` (below METER_SENDERS) gives back. */
enum meter_verdict meter_came_back_from(
		struct meter *m, uint64_t seq, uint64_t tick, uint32_t sender);

/* Message `seq`, if it is still out, will not come back: given up before its time. */
void meter_lose(struct meter *m, uint64_t seq);

/* One that another module refused. */
static inline void
meter_refuse(struct meter *m, enum message_error error)
{
	m->errors[error]++;
}

/*
 * The same, but order is judged among what one `sender` (below METER_SENDERS) gives back: where
 * several take from one queue, what one of them returns may overtake what another holds. The
 * number of the message is in `seq` if it is METER_OK. A meter is used in one of the two ways.
 */
enum meter_verdict meter_returned_by(struct meter *m, const uint8_t *from, size_t available,
		uint64_t tick, uint32_t sender, uint64_t *seq);

/* Messages of ours that came back whole, whatever the recorder made of them: first returns, and
 * those that came again, too late or were never sent. */
uint64_t meter_taken(const struct meter *m);

/*
 * Gives up what was sent more than `timeout` ticks before `now`; returns how many.
 * For closed loops, where a lost message would hold its place for ever; an open
 * loop calls it at the end of its drain only.
 */
uint64_t meter_expire(struct meter *m, uint64_t now, uint64_t timeout);

/*
 * Writes the generator's fields: loop, depth, rate_asked, warmup_s, window_s, window_actual_s, the
 * counts, rate_achieved, recorder_full, floor. `window_s` is how long the window really was.
 */
void meter_stats(const struct meter *m, const struct generator_options *o, double window_s,
		struct stats *s);

/*
 * Writes the books of a generator whose transport has counted for itself: "accounting", `received`
 * = `taken` + what was refused, by reason; and "sending", `sent` = returned + lost + still out.
 * `taken` (as meter_taken()) and the refused are counted here and `received` and `sent` elsewhere,
 * in the same unit as them: the first two may be parts of messages, the last is messages.
 */
void meter_books(const struct meter *m, uint64_t received, uint64_t taken, uint64_t sent,
		struct stats *s);

/* Writes "sending" alone: of a generator whose transport keeps the books of what comes. */
void meter_sending(const struct meter *m, uint64_t sent, struct stats *s);

#endif
