#include "report.h"

#include <errno.h>
#include <string.h>

#include "clock.h"
#include "stats.h"

static void
write_fields(struct stats *s, const struct measurement *m, double ticks_per_s)
{
	const struct link *l = m->link;
	struct driver_stats driver[PORT_MAX];

	driver_stats_read(l->ports, l->port_count, driver);
	stats_number(s, "ticks_per_s", ticks_per_s);
	meter_stats(m->meter, &m->line->generator, window_length_s(&m->window, ticks_per_s), s);
	stats_string(s, "spread", m->line->link.spread == SPREAD_DRIVER ? "driver" : "toeplitz");
	stats_count(s, "pool_empty", l->pool_empty);
	stats_string(s, "ended", m->window.ended);
	stats_count(s, "unsent", m->window.unsent);
	if (m->line->counts_cycles)
		stats_count(s, "busy_ticks", m->busy_ticks);
	link_report(s, l, meter_taken(m->meter));
	report_driver_stats(s, l->ports, l->port_count, driver);
	stats_threads(s);
}

int
report_write(const struct measurement *m, double ticks_per_s)
{
	const struct generator_options *o = &m->line->generator;
	struct stats *s = stats_open(o->stats, "traffic", "generator");
	int result = 0;

	/* One of them may fail, as on a full disk: the other is still worth having. */
	if (s != NULL)
		write_fields(s, m, ticks_per_s);
	if (s == NULL || stats_close(s) != 0) {
		complain("cannot write --stats %s: %s", o->stats, strerror(errno));
		result = -1;
	}
	if (recorder_write(m->meter->recorder, o->samples, ticks_per_s) != 0) {
		complain("cannot write --samples %s: %s", o->samples, strerror(errno));
		result = -1;
	}
	return result;
}
