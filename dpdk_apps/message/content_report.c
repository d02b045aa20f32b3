#include "content_report.h"

#include <inttypes.h>
#include <stdio.h>

static void
put_digest(struct stats *s, const char *key, uint64_t digest)
{
	char text[17];

	/* As text: a number of 64 bits does not survive every reader of JSON. */
	(void)snprintf(text, sizeof(text), "%016" PRIx64, digest);
	stats_string(s, key, text);
}

void
content_report(struct stats *s, const struct incoming *i, const struct content *digests)
{
	const struct message_plan *p = i->plan;

	stats_string(s, "payload", payload_name(p->type));
	stats_object_begin(s, "digest");
	put_digest(s, "sent", digests->sent);
	put_digest(s, "received", digests->received);
	put_digest(s, "lost", digests->lost);
	stats_flag(s, "agrees", digests->sent == digests->received + digests->lost);
	stats_object_end(s);
	stats_object_begin(s, "fragments");
	stats_count(s, "per_message", p->records);
	stats_count(s, "received", i->records);
	if (i->reassembly != NULL) {
		struct reassembly_counts c = reassembly_counts(i->reassembly);

		stats_count(s, "incomplete", c.given_up);
		stats_count(s, "missing", c.missing);
		stats_count(s, "discarded", c.discarded);
		stats_count(s, "repeated", c.repeated);
		stats_count(s, "refused", c.refused);
	}
	stats_object_end(s);
}
