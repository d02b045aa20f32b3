#include "mount_report.h"

#include <errno.h>
#include <string.h>

#include "client_report.h"

int
mount_report(const struct mount_arguments *a, const struct relay *r,
		const struct rpc_answerer *server, const struct transport *t, uint64_t ticks_per_s)
{
	const struct rpc_client_counts counts = rpc_client_counts(rpc_answerer_client(server));
	struct stats *s = stats_open(a->stats, "store_mount", "sut");

	if (s != NULL) {
		stats_count(s, "ticks_per_s", ticks_per_s);
		stats_count(s, "deadline_ms", a->deadline_ms);
		stats_count(s, "slots", a->slots);
		stats_string(s, "idle", a->idle == IDLE_YIELD ? "yield" : "spin");
		relay_report(r, s);
		rpc_client_report(&counts, s);
		transport_report(t, s);
		stats_threads(s);
		if (stats_close(s) == 0)
			return 0;
	}
	complain("cannot write %s: %s", a->stats, strerror(errno));
	return -1;
}
