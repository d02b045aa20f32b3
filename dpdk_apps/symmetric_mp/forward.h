/*
 * The work of one process: take frames from its own receive queue of every port,
 * swap their MAC addresses, send them by its own queue of the paired port.
 */
#ifndef SYMMETRIC_MP_FORWARD_H
#define SYMMETRIC_MP_FORWARD_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>

#include "burst_guard.h"
#include "group.h"
#include "lifecycle.h"
#include "port_report.h"
#include "primary_watch.h"

#define FORWARD_BURST 32

enum drop {
	DROP_TX_FULL, /* the paired port's queue took no more */
	DROP_RUNT,    /* shorter than an Ethernet header */
	DROP_GROUP,   /* to a group address, and no IPv4: not of a measurement */
	DROP_CUT_OFF, /* of a send burst in which the other end of the paired port went away */
	DROPS,	      /* number of values */
};

/* This process's queue of one port. */
struct lane {
	struct rte_ether_addr mac;
	uint16_t port;
	uint16_t pair; /* index of the lane that frames from here leave by */
	struct queue_counts counts;
	uint64_t drops[DROPS]; /* tx_full where it was to be sent, the others where it came from */
};

struct forwarder {
	struct lane lanes[PORT_MAX];
	uint16_t lane_count;
	uint16_t queue;
	enum idle_policy idle;
	bool watches_primary;
	struct burst_guard guard; /* for the other ends of the ports */
	struct primary_watch watch;
	bool counts_cycles;
	uint64_t busy_ticks; /* of turns in which frames came, where they are counted */
};

/* Why forward_run() returned. */
enum ending {
	ENDED_BY_SIGNAL,
	ENDED_PRIMARY_DIED,
};

const char *drop_name(enum drop reason);

void forward_init(struct forwarder *f, const struct group *g, uint16_t queue, enum idle_policy idle,
		bool watches_primary);

/* Works, whatever becomes of the other ends of its ports, until a signal, or until the primary that
 * it watches is gone (noticed within 1 s). */
enum ending forward_run(struct forwarder *f);

#endif
