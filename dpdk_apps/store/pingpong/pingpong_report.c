#include "pingpong_report.h"

#include <errno.h>
#include <string.h>

#include "lifecycle.h"
#include "stats.h"

static void
report_window(struct stats *s, const struct pingpong *p, double ticks_per_s)
{
	const struct recorder_counts c = recorder_counts(p->recorder);
	double window_s = (double)(p->closed - p->opened) / ticks_per_s;

	stats_string(s, "loop", "closed");
	stats_count(s, "depth", 1);
	stats_number(s, "rate_asked", 0);
	stats_count(s, "size", p->options->size);
	stats_number(s, "warmup_s", p->options->measure.warmup_s);
	stats_number(s, "window_s", p->options->measure.window_s);
	stats_number(s, "window_actual_s", window_s);
	stats_count(s, "sent", c.sent);
	stats_count(s, "returned", c.returned);
	stats_count(s, "lost", c.lost);
	stats_count(s, "warmup_sent", c.warmup);
	stats_number(s, "rate_achieved", window_s > 0 ? (double)c.returned / window_s : 0);
	stats_flag(s, "recorder_full", recorder_next(p->recorder) == RECORDER_FULL);
	stats_flag(s, "floor", false);
}

static void
report_queue(struct stats *s, const struct pingpong *p)
{
	const struct named_count drops[] = {{"tx_full", p->tx_full}};

	stats_array_begin(s, "queues");
	report_queue_begin(s, &p->port, 0, &p->counts);
	report_reasons(s, "drops", drops, RTE_DIM(drops));
	stats_object_end(s);
	stats_array_end(s);
}

int
pingpong_report(const struct pingpong *p, double ticks_per_s)
{
	const struct pingpong_options *o = p->options;
	bool measures = o->role == PINGPONG_PING;
	struct stats *s =
			stats_open(o->measure.stats, PINGPONG_NAME, measures ? "generator" : "sut");
	int code = EXIT_DONE;

	if (s != NULL) {
		stats_number(s, "ticks_per_s", ticks_per_s);
		stats_string(s, "ended",
				p->lost_link > 0       ? "link lost"
				: lifecycle_stopping() ? "signal"
						       : "done");
		if (measures)
			report_window(s, p, ticks_per_s);
		report_queue(s, p);
		stats_threads(s);
	}
	if (s == NULL || stats_close(s) != 0) {
		complain("cannot write --stats %s: %s", o->measure.stats, strerror(errno));
		code = EXIT_FAILED;
	}
	if (measures && recorder_write(p->recorder, o->measure.samples, ticks_per_s) != 0) {
		complain("cannot write --samples %s: %s", o->measure.samples, strerror(errno));
		code = EXIT_FAILED;
	}
	return code;
}
