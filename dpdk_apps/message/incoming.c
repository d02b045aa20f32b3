#include "incoming.h"

#include <stddef.h>

int
incoming_begin(struct incoming *i, const struct message_plan *plan, struct meter *meter,
		uint32_t messages, uint64_t age)
{
	*i = (struct incoming){.plan = plan, .meter = meter, .age = age};
	if (plan->type != RECORD_LARGE)
		return 0;
	i->reassembly = reassembly_create(messages, plan->bytes, age);
	return i->reassembly != NULL ? 0 : -1;
}

void
incoming_end(struct incoming *i)
{
	reassembly_destroy(i->reassembly);
	i->reassembly = NULL;
}

static enum incoming_result
refuse(struct incoming *i, enum message_error error)
{
	meter_refuse(i->meter, error);
	return INCOMING_REFUSED;
}

static enum message_error
said(enum record_error error)
{
	if (error == RECORD_SHORT)
		return MESSAGE_SHORT;
	return error == RECORD_FOREIGN ? MESSAGE_FOREIGN : MESSAGE_CORRUPT;
}

void
incoming_expire(struct incoming *i, uint64_t now)
{
	if (i->reassembly == NULL || now < i->next_expiry)
		return;
	reassembly_expire(i->reassembly, now);
	i->next_expiry = now + i->age / 2;
}

uint64_t
incoming_taken(const struct incoming *i)
{
	struct reassembly_counts counts;

	if (i->reassembly == NULL)
		return meter_taken(i->meter);
	counts = reassembly_counts(i->reassembly);
	/* Of a message that is wrong as a whole, only the record that completed it was refused. */
	return meter_taken(i->meter) * i->plan->records +
	       i->wrong_wholes * (i->plan->records - 1u) + counts.discarded + counts.repeated;
}

enum incoming_result
incoming_take(struct incoming *i, const uint8_t *from, size_t available, uint32_t flow,
		uint64_t tick)
{
	const struct message_plan *p = i->plan;
	struct record r;
	enum record_error error = record_read(&r, from, available, record_tag(p->tag));
	const uint8_t *body;

	i->records++;
	if (error != RECORD_OK)
		return refuse(i, said(error));
	if (r.type != p->type || r.total != p->bytes || meter_flow(i->meter, r.seq) != flow)
		return refuse(i, MESSAGE_CORRUPT);
	body = r.body;
	if (i->reassembly != NULL) {
		switch (reassembly_add(i->reassembly, &r, tick, &body)) {
		case REASSEMBLY_WAITS:
			return INCOMING_TAKEN;
		case REASSEMBLY_REPEATED:
			return INCOMING_REPEATED;
		case REASSEMBLY_REFUSED:
			return refuse(i, MESSAGE_CORRUPT);
		case REASSEMBLY_WHOLE:
			break;
		}
	}
	if (payload_check(body, r.total, p->type, r.seq, p->tag) != NULL) {
		i->wrong_wholes++;
		return refuse(i, MESSAGE_CORRUPT);
	}
	if (meter_came_back(i->meter, r.seq, tick) != METER_OK)
		return INCOMING_REPEATED;
	i->digest += payload_digest(r.seq, body, r.total);
	return INCOMING_TAKEN;
}
