/*
 * What server and clients share beside rings and buffers: a memzone that the server
 * makes and the clients look up. It says how they are arranged, which ports they
 * share, who is a client, and what each of them has counted.
 *
 * Each number has one writer. The types say so: a view gives its owner a pointer to
 * its own counts, and const ones to all others. Counts of two writers never share a
 * cache line.
 */
#ifndef CLIENT_SERVER_BOARD_H
#define CLIENT_SERVER_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_common.h>

#include "dispatch.h"
#include "port.h"
#include "port_report.h"
#include "roster.h"

#define BOARD_POOL "client_server_pool"
/* Frames that are taken or handed over at once. */
#define BURST 32

/* How the group is arranged: written before it opens, and never after. */
struct arrangement {
	uint16_t num_clients;
	uint16_t port_count;
	uint32_t server_lcore;
	uint32_t ring_size;
	enum dispatch_by dispatch;
	struct port_state ports[PORT_MAX];
};

/* Of one port; written by the server. */
struct rx_counts {
	uint64_t packets;
	uint64_t bytes;
};

/* What the server did for one client; written by the server. offered = enqueued + the others. */
struct offer_counts {
	uint64_t offered;
	uint64_t enqueued;
	uint64_t ring_full;    /* there was no room at all */
	uint64_t bulk_refused; /* there was room for some, but not for the whole burst */
} __rte_cache_aligned;

enum client_drop {
	CLIENT_TX_FULL,	  /* the paired port's queue took no more */
	CLIENT_RUNT,	  /* shorter than an Ethernet header */
	CLIENT_GROUP,	  /* to a group address, and no IPv4: not of a measurement */
	CLIENT_UNFLUSHED, /* in the send buffer when the client ended */
	CLIENT_DROPS,	  /* number of values */
};

const char *client_drop_name(enum client_drop reason);

/* One client's doings with one port: rx is what came by it, from the client's ring. */
struct lane_counts {
	struct queue_counts queue;
	uint64_t drops[CLIENT_DROPS]; /* by the port that it was to leave by; runts and groups: that
					 it came by */
};

/*
 * Written by the process that holds the client's place, one after the other: a client that is
 * started again goes on where the killed one stopped.
 */
struct client_counts {
	struct lane_counts lanes[PORT_MAX];
	uint64_t kills;	    /* predecessors that were killed */
	uint64_t discarded; /* buffers lost in their caches */
} __rte_cache_aligned;

/* What a client did with what it took from its ring: sent or dropped. */
uint64_t client_done(const struct client_counts *c);

struct server_view {
	struct arrangement *arrangement;
	struct roster *clients;		    /* a client's place is its id */
	struct rx_counts *rx;		    /* [port_count] */
	struct offer_counts *offers;	    /* [num_clients] */
	const struct client_counts *counts; /* [num_clients] */
};

struct client_view {
	const struct arrangement *arrangement;
	struct roster *clients;
	const struct rx_counts *rx;
	const struct offer_counts *offers;
	struct client_counts *own;
	const struct client_counts *counts;
};

/* Server: makes the memzone, which nobody can join before board_open(). False after a message. */
bool board_create(struct server_view *v, uint16_t num_clients);
void board_open(const struct server_view *v);

/*
 * Client: finds it. `num_clients` is what the user said there are, or 0. False after a message if
 * there is none, or of another version, or `id` is not one of its clients.
 */
bool board_join(struct client_view *v, uint16_t id, uint16_t num_clients);

/* The name of a client's ring. */
#define RING_NAME_BYTES 32
void board_ring_name(char name[RING_NAME_BYTES], uint16_t id);

/* Adds to a number that others read while it grows. */
static inline void
count_add(uint64_t *count, uint64_t n)
{
	__atomic_store_n(count, *count + n, __ATOMIC_RELAXED);
}

static inline uint64_t
count_read(const uint64_t *count)
{
	return __atomic_load_n(count, __ATOMIC_RELAXED);
}

#endif
