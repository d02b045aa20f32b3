#include "meter.h"

#include <errno.h>
#include <stdlib.h>

#include "generator_options.h"

int
meter_begin(struct meter *m, const struct generator_options *o)
{
	*m = (struct meter){.flows = o->flows, .size = o->size, .tag = o->tag};
	m->newest = calloc(o->flows > METER_SENDERS ? o->flows : METER_SENDERS, sizeof(*m->newest));
	if (m->newest == NULL)
		return -1;
	m->recorder = recorder_create(o->max_samples);
	if (m->recorder == NULL) {
		int saved = errno;

		meter_end(m);
		errno = saved;
		return -1;
	}
	return 0;
}

void
meter_end(struct meter *m)
{
	recorder_destroy(m->recorder);
	free(m->newest);
	m->recorder = NULL;
	m->newest = NULL;
}

void
meter_write(const struct meter *m, uint64_t ahead, uint8_t *to)
{
	uint64_t seq = meter_next(m) + ahead;
	struct message message = {
			.seq = seq, .flow = meter_flow(m, seq), .length = m->size, .tag = m->tag};

	message_write(to, &message);
}

bool
meter_sent(struct meter *m, uint64_t tick)
{
	if (recorder_send(m->recorder, tick) == RECORDER_FULL)
		return false;
	m->outstanding++;
	return true;
}

/* Whether it is a message of ours, whole and right; counts it if not. */
static bool
take(struct meter *m, const uint8_t *from, size_t available, struct message *message)
{
	enum message_error error = message_read_sized(message, from, available, m->size, m->tag);

	/* All our messages have one size and their flow follows from their number. */
	if (error == MESSAGE_OK && m->size < MESSAGE_MIN_BYTES)
		message->flow = meter_flow(m, message->seq);
	if (error == MESSAGE_OK && message->flow != meter_flow(m, message->seq))
		error = MESSAGE_CORRUPT;
	if (error != MESSAGE_OK)
		meter_refuse(m, error);
	return error == MESSAGE_OK;
}

/* Records the return of message `seq`, whose order is judged by `newest`. */
static enum meter_verdict
record(struct meter *m, uint64_t seq, uint64_t tick, uint64_t *newest)
{
	if (recorder_return(m->recorder, seq, tick) != RECORDER_OK)
		return METER_REPEATED;
	m->outstanding--;
	m->returns++;
	if (seq + 1 > *newest)
		*newest = seq + 1;
	else
		m->reordered++;
	return METER_OK;
}

enum meter_verdict
meter_came_back(struct meter *m, uint64_t seq, uint64_t tick)
{
	return record(m, seq, tick, &m->newest[meter_flow(m, seq)]);
}

enum meter_verdict
meter_came_back_from(struct meter *m, uint64_t seq, uint64_t tick, uint32_t sender)
{
	return record(m, seq, tick, &m->newest[sender]);
}

void
meter_lose(struct meter *m, uint64_t seq)
{
	if (!recorder_give_up(m->recorder, seq))
		return;
	m->outstanding--;
	m->given_up++;
}

enum meter_verdict
meter_returned(struct meter *m, const uint8_t *from, size_t available, uint64_t tick)
{
	struct message message;

	if (!take(m, from, available, &message))
		return METER_REFUSED;
	return record(m, message.seq, tick, &m->newest[message.flow]);
}

enum meter_verdict
meter_returned_by(struct meter *m, const uint8_t *from, size_t available, uint64_t tick,
		uint32_t sender, uint64_t *seq)
{
	struct message message;

	if (!take(m, from, available, &message))
		return METER_REFUSED;
	*seq = message.seq;
	return record(m, message.seq, tick, &m->newest[sender]);
}

uint64_t
meter_taken(const struct meter *m)
{
	struct recorder_counts counts = recorder_counts(m->recorder);

	return m->returns + counts.duplicates + counts.late + counts.unknown;
}

uint64_t
meter_expire(struct meter *m, uint64_t now, uint64_t timeout)
{
	uint64_t lost = 0;

	/* Packets leave in the order of their numbers, so the oldest outstanding one times out
	 * first. */
	while (m->outstanding > 0) {
		if (recorder_pending(m->recorder, m->oldest)) {
			uint64_t sent = recorder_send_tick(m->recorder, m->oldest);

			if (now < sent || now - sent <= timeout)
				break;
			(void)recorder_give_up(m->recorder, m->oldest);
			m->outstanding--;
			lost++;
		}
		m->oldest++;
	}
	m->given_up += lost;
	return lost;
}

void
meter_stats(const struct meter *m, const struct generator_options *o, double window_s,
		struct stats *s)
{
	struct recorder_counts counts = recorder_counts(m->recorder);

	stats_string(s, "loop", o->depth > 0 ? "closed" : "open");
	stats_count(s, "depth", o->depth);
	stats_number(s, "rate_asked", o->rate);
	stats_count(s, "flows", o->flows);
	stats_count(s, "size", o->size);
	stats_string(s, "idle", o->idle == IDLE_YIELD ? "yield" : "spin");
	stats_number(s, "warmup_s", o->warmup_s);
	stats_number(s, "window_s", o->window_s);
	stats_number(s, "window_actual_s", window_s);
	stats_count(s, "sent", counts.sent);
	stats_count(s, "returned", counts.returned);
	stats_count(s, "lost", counts.lost);
	stats_count(s, "warmup_sent", counts.warmup);
	stats_count(s, "duplicates", counts.duplicates);
	stats_count(s, "late", counts.late);
	stats_count(s, "unknown", counts.unknown);
	stats_count(s, "reordered", m->reordered);
	stats_count(s, "corrupt", m->errors[MESSAGE_CORRUPT]);
	stats_count(s, "foreign", m->errors[MESSAGE_FOREIGN]);
	stats_count(s, "short", m->errors[MESSAGE_SHORT]);
	stats_number(s, "rate_achieved", window_s > 0 ? (double)counts.returned / window_s : 0);
	stats_flag(s, "recorder_full", recorder_next(m->recorder) == RECORDER_FULL);
	stats_flag(s, "floor", o->floor);
}

void
meter_books(const struct meter *m, uint64_t received, uint64_t taken, uint64_t sent,
		struct stats *s)
{
	static const char *const names[MESSAGE_ERRORS] = {
			[MESSAGE_SHORT] = "short",
			[MESSAGE_FOREIGN] = "foreign",
			[MESSAGE_CORRUPT] = "corrupt",
	};
	uint64_t refused = 0;

	for (int reason = MESSAGE_OK + 1; reason < MESSAGE_ERRORS; reason++)
		refused += m->errors[reason];
	stats_object_begin(s, "accounting");
	stats_count(s, "in", received);
	stats_count(s, "out", taken);
	stats_count(s, "drops", refused);
	stats_object_begin(s, "reasons");
	for (int reason = MESSAGE_OK + 1; reason < MESSAGE_ERRORS; reason++)
		stats_count(s, names[reason], m->errors[reason]);
	stats_object_end(s);
	stats_object_end(s);
	meter_sending(m, sent, s);
}

void
meter_sending(const struct meter *m, uint64_t sent, struct stats *s)
{
	stats_object_begin(s, "sending");
	stats_count(s, "sent", sent);
	stats_count(s, "returned", m->returns);
	stats_count(s, "lost", m->given_up);
	stats_count(s, "out", m->outstanding);
	stats_object_end(s);
}
