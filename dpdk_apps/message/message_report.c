#include "message_report.h"

#include <errno.h>
#include <string.h>

#include "content_report.h"
#include "port_report.h"
#include "stats.h"

static void
write_fields(struct stats *s, const struct exchange *x, double ticks_per_s)
{
	const struct link *l = x->link;
	struct driver_stats driver[PORT_MAX];
	struct content digests = {
			.sent = x->outbox.digest,
			.received = x->incoming.digest,
			.lost = x->digest_lost,
	};

	driver_stats_read(l->ports, l->port_count, driver);
	stats_number(s, "ticks_per_s", ticks_per_s);
	meter_stats(&x->meter, &x->line->generator, window_length_s(&x->window, ticks_per_s), s);
	content_report(s, &x->incoming, &digests);
	stats_string(s, "shape", loop_shape_name(&x->line->shape));
	stats_count(s, "sleep_us", x->line->shape.sleep_us);
	stats_count(s, "mtu", x->line->mtu);
	stats_count(s, "pool_empty", l->pool_empty);
	stats_flag(s, "settled", x->settled);
	stats_string(s, "ended", x->window.ended);
	stats_count(s, "unsent", x->window.unsent);
	link_report(s, l, incoming_taken(&x->incoming));
	report_driver_stats(s, l->ports, l->port_count, driver);
	stats_threads(s);
}

int
message_report(struct exchange *x, double ticks_per_s)
{
	const struct generator_options *o = &x->line->generator;
	struct stats *s = stats_open(o->stats, "message", "generator");
	int result = 0;

	/* One of them may fail, as on a full disk: the others are still worth having. */
	if (s != NULL)
		write_fields(s, x, ticks_per_s);
	if (s == NULL || stats_close(s) != 0) {
		complain("cannot write --stats %s: %s", o->stats, strerror(errno));
		result = -1;
	}
	if (recorder_write(x->meter.recorder, o->samples, ticks_per_s) != 0) {
		complain("cannot write --samples %s: %s", o->samples, strerror(errno));
		result = -1;
	}
	return result;
}
