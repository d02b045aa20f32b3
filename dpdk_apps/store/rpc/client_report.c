#include "client_report.h"

void
rpc_client_report(const struct rpc_client_counts *c, struct stats *s)
{
	stats_object_begin(s, "rpc");
	stats_count(s, "tx", c->tx);
	stats_count(s, "rx", c->rx);
	stats_count(s, "answered", c->ended[RPC_ANSWERED]);
	stats_count(s, "deadlines", c->ended[RPC_DEADLINE]);
	stats_count(s, "lost_by_restart", c->ended[RPC_RESTARTED]);
	stats_count(s, "closed", c->ended[RPC_CLOSED]);
	stats_count(s, "retransmitted", c->retransmitted);
	stats_count(s, "timeouts", c->timeouts);
	stats_count(s, "asks", c->asks);
	stats_count(s, "busy", c->busy);
	stats_count(s, "hellos", c->hellos);
	stats_count(s, "restarts", c->restarts);
	stats_count(s, "duplicates", c->duplicates);
	stats_count(s, "stale", c->stale);
	stats_count(s, "unexpected", c->unexpected);
	stats_count(s, "send_full", c->send_full);
	stats_count(s, "send_failed", c->send_failed);
	stats_object_begin(s, "dropped");
	for (int i = PACKET_OK + 1; i < PACKET_ERRORS; i++)
		stats_count(s, packet_error_name((enum packet_error)i), c->dropped[i]);
	stats_object_end(s);
	stats_object_end(s);
}
