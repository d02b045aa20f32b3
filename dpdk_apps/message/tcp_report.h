/* The statistics and samples that tcp_message leaves (docs/stats-format.md). */
#ifndef MESSAGE_TCP_REPORT_H
#define MESSAGE_TCP_REPORT_H

#include "connections.h"
#include "content_report.h"
#include "generator_options.h"
#include "loop.h"

/* 0, or -1 after a message. */
int tcp_report(const struct generator_options *o, enum tcp_mode mode, const struct connections *c,
		const struct incoming *incoming, const struct content *digests,
		const struct loop_result *result, double ticks_per_s);

#endif
