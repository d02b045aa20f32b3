#include "server_report.h"

#include <errno.h>
#include <string.h>

#include "stats.h"

static const char *const refusal_names[REFUSAL_REASONS] = {
		"none", "version", "packet", "value", "features", "slots", "window"};

static void
report_rpc(struct stats *s, const struct rpc_server_counts *c)
{
	stats_object_begin(s, "rpc");
	stats_count(s, "tx", c->tx);
	stats_count(s, "rx", c->rx);
	stats_count(s, "run", c->run);
	stats_count(s, "retransmitted", c->retransmitted);
	stats_count(s, "duplicates", c->duplicates);
	stats_count(s, "old", c->old);
	stats_count(s, "busy", c->busy);
	stats_count(s, "restarted", c->restarted);
	stats_count(s, "sessions_begun", c->sessions_begun);
	stats_count(s, "sessions_ended", c->sessions_ended);
	stats_count(s, "sessions_aged", c->sessions_aged);
	stats_count(s, "requests_aged", c->requests_aged);
	stats_count(s, "oversized", c->oversized);
	stats_count(s, "send_full", c->send_full);
	stats_count(s, "send_failed", c->send_failed);
	stats_count(s, "stale", c->stale);
	stats_count(s, "unexpected", c->unexpected);
	stats_object_begin(s, "refused");
	for (int i = REFUSAL_NONE + 1; i < REFUSAL_REASONS; i++)
		stats_count(s, refusal_names[i], c->refused[i]);
	stats_object_end(s);
	stats_object_begin(s, "dropped");
	for (int i = PACKET_OK + 1; i < PACKET_ERRORS; i++)
		stats_count(s, packet_error_name((enum packet_error)i), c->dropped[i]);
	stats_object_end(s);
	stats_object_end(s);
}

static void
report_executor(struct stats *s, const struct executor_counts *c)
{
	stats_object_begin(s, "executor");
	stats_count(s, "requests", c->requests);
	stats_count(s, "malformed", c->malformed);
	stats_count(s, "unsupported", c->unsupported);
	stats_count(s, "strangers", c->strangers);
	stats_count(s, "unanswered", c->unanswered);
	stats_object_end(s);
}

int
server_report(const struct server_options *o, const struct serving *v,
		const struct executor_counts *executor, const struct transport *t)
{
	struct stats *s = stats_open(o->stats, "store_server", "sut");

	if (s != NULL) {
		stats_number(s, "ticks_per_s", v->ticks_per_s);
		stats_string(s, "serve", server_service_names[o->service]);
		if (executor != NULL) {
			stats_string(s, "durability", durability_names[o->executor.durability]);
			stats_string(s, "cache", cache_names[o->executor.cache]);
			report_executor(s, executor);
		}
		stats_string(s, "idle", o->idle == IDLE_YIELD ? "yield" : "spin");
		stats_count(s, "clients", o->clients);
		stats_count(s, "slots", o->slots);
		stats_count(s, "delay_us", o->delay_us);
		stats_count(s, "requests", v->counts.run);
		stats_count(s, "sessions", v->sessions);
		report_rpc(s, &v->counts);
		if (v->refusal[0] != '\0')
			stats_string(s, "refusal", v->refusal);
		transport_report(t, s);
		stats_string(s, "ended", "signal");
		stats_threads(s);
		if (stats_close(s) == 0)
			return 0;
	}
	complain("cannot write %s: %s", o->stats, strerror(errno));
	return -1;
}
