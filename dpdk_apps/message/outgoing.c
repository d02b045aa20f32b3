#include "outgoing.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lifecycle.h"
#include "options.h"

static const char *const names[] = {"bytes", "struct", "large", NULL};

bool
option_payload(const char *name, const char *text, enum record_type *type)
{
	int index = 0;

	if (!option_choice(name, text, names, &index))
		return false;
	*type = (enum record_type)(RECORD_BYTES + index);
	return true;
}

const char *
payload_name(enum record_type type)
{
	return names[type - RECORD_BYTES];
}

bool
message_plan(struct message_plan *p, enum record_type type, uint32_t bytes, uint32_t record_max,
		uint32_t tag)
{
	uint32_t room = record_max - (uint32_t)record_header_bytes(type);
	uint32_t records = (bytes + room - 1) / room;

	if (bytes < payload_min_bytes(type)) {
		complain("--size %" PRIu32 ": a message of --payload %s has at least %zu bytes",
				bytes, payload_name(type), payload_min_bytes(type));
		return false;
	}
	if (type != RECORD_LARGE && records > 1) {
		complain("--size %" PRIu32 " does not fit: a record of --payload %s carries at "
			 "most %" PRIu32 " bytes here; --payload large is split into fragments",
				bytes, payload_name(type), room);
		return false;
	}
	if (records > OUTGOING_MAX_RECORDS) {
		complain("--size %" PRIu32 " would be %" PRIu32 " fragments of %" PRIu32
			 " bytes: at most %d are sent",
				bytes, records, room, OUTGOING_MAX_RECORDS);
		return false;
	}
	*p = (struct message_plan){
			.type = type,
			.bytes = bytes,
			.part_bytes = room,
			.records = (uint16_t)records,
			.tag = tag,
	};
	return true;
}

/* Bytes of body in record `index`. */
static uint32_t
part_of(const struct message_plan *p, uint16_t index)
{
	uint32_t offset = index * p->part_bytes;

	return p->bytes - offset < p->part_bytes ? p->bytes - offset : p->part_bytes;
}

uint32_t
message_plan_record_bytes(const struct message_plan *p, uint16_t index)
{
	return (uint32_t)record_header_bytes(p->type) + part_of(p, index);
}

uint32_t
message_plan_bytes(const struct message_plan *p)
{
	return p->records * (uint32_t)record_header_bytes(p->type) + p->bytes;
}

int
outgoing_begin(struct outgoing *o, const struct message_plan *plan)
{
	*o = (struct outgoing){.plan = plan, .body = malloc(plan->bytes)};
	return o->body != NULL ? 0 : -1;
}

void
outgoing_end(struct outgoing *o)
{
	free(o->body);
	o->body = NULL;
}

void
outgoing_make(struct outgoing *o, uint32_t seq)
{
	o->seq = seq;
	payload_write(o->body, o->plan->bytes, o->plan->type, seq, o->plan->tag);
	o->digest = payload_digest(seq, o->body, o->plan->bytes);
}

uint32_t
outgoing_record(const struct outgoing *o, uint16_t index, uint8_t *to)
{
	const struct message_plan *p = o->plan;
	struct record record = {
			.type = p->type,
			.length = (uint16_t)part_of(p, index),
			.tag = record_tag(p->tag),
			.seq = o->seq,
			.total = p->bytes,
			.offset = index * p->part_bytes,
			.index = index,
			.count = p->records,
	};

	memcpy(to + record_header_bytes(p->type), o->body + record.offset, record.length);
	return (uint32_t)record_finish(to, &record);
}
