#include "load_report.h"

#include <errno.h>
#include <string.h>

#include "client_report.h"

/* What failed at the server, by the name of its errno. */
static void
report_errors(struct stats *s, const struct load *l)
{
	stats_object_begin(s, "errors");
	for (int i = 1; i < LOAD_ERRNO_MAX; i++)
		if (l->errors[i] > 0)
			stats_count(s, strerrorname_np(i) != NULL ? strerrorname_np(i) : "other",
					l->errors[i]);
	stats_object_end(s);
}

/* Of answers that came over no network: one queue, and what became of them. */
static void
report_floor(struct stats *s, uint64_t answered)
{
	stats_array_begin(s, "queues");
	stats_object_begin(s, NULL);
	stats_count(s, "port", 0);
	stats_count(s, "queue", 0);
	stats_string(s, "driver", "floor");
	stats_count(s, "rx_packets", answered);
	stats_count(s, "tx_packets", answered);
	stats_count(s, "rx_bytes", 0);
	stats_count(s, "tx_bytes", 0);
	stats_object_begin(s, "drops");
	stats_object_end(s);
	stats_object_end(s);
	stats_array_end(s);
}

static void
write_fields(struct stats *s, const struct load *l, const struct load_server *server,
		uint64_t asked, double ticks_per_s)
{
	const struct load_options *o = l->options;

	stats_number(s, "ticks_per_s", ticks_per_s);
	stats_string(s, "what", load_what_names[o->what]);
	stats_string(s, "op", load_op_names[o->op]);
	stats_count(s, "write_percent", o->write_percent);
	stats_count(s, "file_mb", o->what == LOAD_STORE ? o->file_mb : 0);
	stats_count(s, "slots", l->room_count);
	meter_stats(&l->meter, &o->generator, window_length_s(&l->window, ticks_per_s), s);
	stats_count(s, "reads", l->work->reads);
	stats_count(s, "writes", l->work->writes);
	report_errors(s, l);
	stats_string(s, "ended", l->window.ended);
	stats_count(s, "unsent", l->window.unsent);
	meter_sending(&l->meter, l->sent, s);
	stats_count(s, "asked", asked);
	if (server->rpc != NULL) {
		const struct rpc_client_counts counts =
				rpc_client_counts(rpc_answerer_client(server->rpc));

		rpc_client_report(&counts, s);
		transport_report(server->transport, s);
	} else {
		report_floor(s, floor_answerer_count(server->floor));
	}
	stats_threads(s);
}

int
load_report(const struct load *l, const struct load_server *server, uint64_t asked,
		double ticks_per_s)
{
	const struct generator_options *o = &l->options->generator;
	struct stats *s = stats_open(o->stats, "store_load", "generator");
	int result = 0;

	/* One of them may fail, as on a full disk: the other is still worth having. */
	if (s != NULL)
		write_fields(s, l, server, asked, ticks_per_s);
	if (s == NULL || stats_close(s) != 0) {
		complain("cannot write --stats %s: %s", o->stats, strerror(errno));
		result = -1;
	}
	if (recorder_write(l->meter.recorder, o->samples, ticks_per_s) != 0) {
		complain("cannot write --samples %s: %s", o->samples, strerror(errno));
		result = -1;
	}
	return result;
}
