#include "sockperf_report.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lifecycle.h"
#include "sockperf_log.h"
#include "stats.h"

static struct stats *
begin_stats(const struct sockperf_arguments *a)
{
	struct stats *s = stats_open(
			a->stats, SOCKPERF_NAME, a->role == SOCKPERF_SERVER ? "sut" : "generator");

	if (s == NULL) {
		complain("cannot write %s: %s", a->stats, strerror(errno));
		return NULL;
	}
	stats_number(s, "ticks_per_s", SOCKPERF_LOG_TICKS_PER_S);
	stats_threads(s);
	stats_string(s, "ended", lifecycle_stopping() ? "signal" : "done");
	return s;
}

static int
end_stats(const struct sockperf_arguments *a, struct stats *s)
{
	if (stats_close(s) == 0)
		return EXIT_DONE;
	complain("cannot write %s: %s", a->stats, strerror(errno));
	return EXIT_FAILED;
}

/* What of the warm-up sockperf does not leave out by itself. */
static double
skip_s(const struct sockperf_arguments *a)
{
	return a->warmup_s > SOCKPERF_WARMUP_S ? a->warmup_s - SOCKPERF_WARMUP_S : 0;
}

static void
report(const struct sockperf_arguments *a, const struct sockperf_log *log, struct stats *s)
{
	const struct recorder_counts c = recorder_counts(log->recorder);

	stats_string(s, "loop", "closed");
	stats_count(s, "depth", 1);
	stats_number(s, "rate_asked", 0);
	stats_count(s, "size", a->size);
	stats_number(s, "warmup_s", a->warmup_s);
	stats_number(s, "window_s", a->window_s);
	stats_number(s, "window_actual_s", log->window_s);
	stats_count(s, "sent", c.sent);
	stats_count(s, "returned", c.returned);
	stats_count(s, "lost", c.lost);
	stats_count(s, "warmup_sent", c.warmup);
	stats_number(s, "rate_achieved",
			log->window_s > 0 ? (double)c.returned / log->window_s : 0);
	stats_flag(s, "recorder_full", false);
	stats_flag(s, "floor", false);
}

int
sockperf_report_log(const struct sockperf_arguments *a, const char *path)
{
	struct sockperf_log log;
	struct stats *s;
	int code = EXIT_FAILED;

	if (sockperf_log_read(path, skip_s(a), a->window_s, &log) != 0)
		goto out;
	if (log.dropped > 0) {
		complain("sockperf missed %" PRIu64 " messages, over TCP", log.dropped);
		goto out;
	}
	if (recorder_write(log.recorder, a->samples, SOCKPERF_LOG_TICKS_PER_S) != 0) {
		complain("cannot write %s: %s", a->samples, strerror(errno));
		goto out;
	}
	s = begin_stats(a);
	if (s == NULL)
		goto out;
	report(a, &log, s);
	code = end_stats(a, s);
out:
	if (log.recorder != NULL)
		recorder_destroy(log.recorder);
	return code;
}

int
sockperf_report_server(const struct sockperf_arguments *a)
{
	struct stats *s = begin_stats(a);

	return s == NULL ? EXIT_FAILED : end_stats(a, s);
}

uint32_t
sockperf_seconds(const struct sockperf_arguments *a)
{
	double least = skip_s(a) + a->window_s + SOCKPERF_WARMUP_S + 2 * SOCKPERF_COOLDOWN_S;
	uint32_t whole = (uint32_t)least;

	return least > whole ? whole + 1 : whole;
}
