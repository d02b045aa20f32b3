#include "relay_internal.h"

void
relay_report(const struct relay *r, struct stats *s)
{
	static const char *const endings[] = {[RELAY_SERVES] = "signal",
			[RELAY_GONE] = "unmounted",
			[RELAY_FAILED] = "error"};
	const struct relay_counts *c = &r->counts;

	stats_string(s, "ended",
			r->stopped && r->state != RELAY_FAILED ? "signal" : endings[r->state]);
	stats_object_begin(s, "requests");
	stats_count(s, "read", c->read);
	stats_count(s, "answered", c->answered);
	stats_count(s, "unanswered", c->unanswered);
	stats_count(s, "deadline", c->deadline);
	stats_count(s, "deadline_unsent", c->deadline_unsent);
	stats_count(s, "restarted", c->restarted);
	stats_count(s, "refused", c->refused);
	stats_count(s, "bad_answer", c->bad_answer);
	stats_count(s, "interrupted", c->interrupted);
	stats_count(s, "interrupts", c->interrupts);
	stats_count(s, "closed", c->closed);
	stats_count(s, "held", r->requests.most - r->requests.free_count + r->locks.count);
	stats_count(s, "lock_waits", c->lock_waits);
	stats_count(s, "repeated", c->repeated);
	stats_count(s, "strangers", c->strangers);
	stats_count(s, "inits", c->inits);
	stats_count(s, "late", c->late);
	stats_object_end(s);
	stats_object_begin(s, "opcodes");
	for (uint32_t i = 0; i < OPCODES_MOST; i++)
		if (c->opcodes[i] > 0)
			stats_count(s, opcode_name(i), c->opcodes[i]);
	if (c->opcodes_unknown > 0)
		stats_count(s, "unknown", c->opcodes_unknown);
	stats_object_end(s);
}
