#include "sockperf_report.h"

#include <inttypes.h>
#include <stddef.h>

#include "foreign_report.h"
#include "lifecycle.h"
#include "sockperf_log.h"

/* What of the warm-up sockperf does not leave out by itself. */
static double
skip_s(const struct sockperf_arguments *a)
{
	return a->measure.warmup_s > SOCKPERF_WARMUP_S ? a->measure.warmup_s - SOCKPERF_WARMUP_S
						       : 0;
}

int
sockperf_report_log(const struct sockperf_arguments *a, const char *path)
{
	struct sockperf_log log;
	int code = EXIT_FAILED;

	if (sockperf_log_read(path, skip_s(a), a->measure.window_s, &log) != 0)
		goto out;
	if (log.dropped > 0) {
		complain("sockperf missed %" PRIu64 " messages, over TCP", log.dropped);
		goto out;
	}
	code = foreign_report(&(struct foreign_run){.app = SOCKPERF_NAME,
					      .depth = 1,
					      .size = a->size,
					      .warmup_s = a->measure.warmup_s,
					      .window_s = a->measure.window_s,
					      .window_actual_s = log.window_s,
					      .samples = a->measure.samples,
					      .stats = a->measure.stats},
			log.recorder);
out:
	if (log.recorder != NULL)
		recorder_destroy(log.recorder);
	return code;
}

int
sockperf_report_server(const struct sockperf_arguments *a)
{
	struct stats *s = foreign_stats_begin(a->measure.stats, SOCKPERF_NAME, "sut");

	return s == NULL ? EXIT_FAILED : foreign_stats_end(s, a->measure.stats);
}

uint32_t
sockperf_seconds(const struct sockperf_arguments *a)
{
	double least = skip_s(a) + a->measure.window_s + SOCKPERF_WARMUP_S +
		       2 * SOCKPERF_COOLDOWN_S;
	uint32_t whole = (uint32_t)least;

	return least > whole ? whole + 1 : whole;
}
