#include "tcp_report.h"

#include <errno.h>
#include <string.h>

#include "lifecycle.h"
#include "stats.h"

int
tcp_report(const struct generator_options *o, enum tcp_mode mode, const struct connections *c,
		const struct incoming *incoming, const struct content *digests,
		const struct loop_result *result, double ticks_per_s)
{
	struct stats *s = stats_open(o->stats, "tcp_message", "generator");
	int failed = 0;

	if (s != NULL) {
		stats_number(s, "ticks_per_s", ticks_per_s);
		stats_string(s, "mode", mode == TCP_BLOCK ? "block" : "poll");
		stats_string(s, "ended", result->ended);
		meter_stats(incoming->meter, o, result->window_s, s);
		content_report(s, incoming, digests);
		stats_count(s, "unsent", result->unsent);
		connections_report(s, c, incoming->meter, incoming_taken(incoming));
		stats_threads(s);
	}
	if (s == NULL || stats_close(s) != 0) {
		complain("cannot write %s: %s", o->stats, strerror(errno));
		failed = -1;
	}
	if (recorder_write(incoming->meter->recorder, o->samples, ticks_per_s) != 0) {
		complain("cannot write %s: %s", o->samples, strerror(errno));
		failed = -1;
	}
	return failed;
}
