/* What a mount leaves: its statistics (docs/stats-format.md). */
#ifndef STORE_MOUNT_REPORT_H
#define STORE_MOUNT_REPORT_H

#include "relay.h"
#include "rpc_answerer.h"

/* What a mount is told, but for its transport. */
struct mount_arguments {
	const char *mount;
	const char *stats;
	uint64_t deadline_ms;
	uint16_t slots;
	enum idle_policy idle;
};

/* 0, or -1 after one clear line. */
int mount_report(const struct mount_arguments *a, const struct relay *r,
		const struct rpc_answerer *server, const struct transport *t, uint64_t ticks_per_s);

#endif
