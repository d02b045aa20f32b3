/* What both generators of this folder write about the content of their messages
 * (docs/stats-format.md). */
#ifndef MESSAGE_CONTENT_REPORT_H
#define MESSAGE_CONTENT_REPORT_H

#include "incoming.h"
#include "stats.h"

struct content {
	uint64_t sent; /* digests */
	uint64_t received;
	uint64_t lost;
};

void content_report(struct stats *s, const struct incoming *i, const struct content *digests);

#endif
