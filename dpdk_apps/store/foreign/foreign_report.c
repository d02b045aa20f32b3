#include "foreign_report.h"

#include <errno.h>
#include <string.h>

#include "lifecycle.h"

struct stats *
foreign_stats_begin(const char *path, const char *app, const char *role)
{
	struct stats *s = stats_open(path, app, role);

	if (s == NULL) {
		complain("cannot write %s: %s", path, strerror(errno));
		return NULL;
	}
	stats_number(s, "ticks_per_s", FOREIGN_TICKS_PER_S);
	stats_threads(s);
	stats_string(s, "ended", lifecycle_stopping() ? "signal" : "done");
	return s;
}

int
foreign_stats_end(struct stats *s, const char *path)
{
	if (stats_close(s) == 0)
		return EXIT_DONE;
	complain("cannot write %s: %s", path, strerror(errno));
	return EXIT_FAILED;
}

int
foreign_report(const struct foreign_run *run, const struct recorder *r)
{
	const struct recorder_counts c = recorder_counts(r);
	struct stats *s;

	if (recorder_write(r, run->samples, FOREIGN_TICKS_PER_S) != 0) {
		complain("cannot write %s: %s", run->samples, strerror(errno));
		return EXIT_FAILED;
	}
	s = foreign_stats_begin(run->stats, run->app, "generator");
	if (s == NULL)
		return EXIT_FAILED;
	stats_string(s, "loop", "closed");
	stats_count(s, "depth", run->depth);
	stats_number(s, "rate_asked", 0);
	stats_count(s, "size", run->size);
	stats_number(s, "warmup_s", run->warmup_s);
	stats_number(s, "window_s", run->window_s);
	stats_number(s, "window_actual_s", run->window_actual_s);
	stats_count(s, "sent", c.sent);
	stats_count(s, "returned", c.returned);
	stats_count(s, "lost", c.lost);
	stats_count(s, "warmup_sent", c.warmup);
	stats_number(s, "rate_achieved",
			run->window_actual_s > 0 ? (double)c.returned / run->window_actual_s : 0);
	stats_flag(s, "recorder_full", false);
	stats_flag(s, "floor", false);
	return foreign_stats_end(s, run->stats);
}
