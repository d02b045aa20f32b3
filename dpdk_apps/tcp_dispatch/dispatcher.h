/*
 * The dispatcher: accepts TCP connections and deals them out to the workers that
 * joined it, each in turn; or keeps them, and deals out their messages.
 */
#ifndef TCP_DISPATCH_DISPATCHER_H
#define TCP_DISPATCH_DISPATCHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "byte_queue.h"
#include "lifecycle.h"
#include "relay_frame.h"
#include "tcp_socket.h"
#include "watch.h"

#define DISPATCHER_MAX_WORKERS 64

enum dispatch_way {
	DISPATCH_HANDOFF, /* a worker gets the connection, and serves it alone */
	DISPATCH_RELAY,	  /* a worker gets a message, and its answer goes back through here */
};

struct dispatcher_options {
	struct sockaddr_in address;
	const char *socket;
	unsigned int workers;
	enum dispatch_way way;
	enum tcp_mode mode;
	enum idle_policy idle;
	size_t size; /* bytes of a message */
};

/* Why something that came did not go on. */
enum dispatch_drop {
	DROP_NO_WORKER,	  /* handoff: no worker is left */
	DROP_WORKER_BUSY, /* handoff: the worker does not take what it is given */
	DROP_PEER_CLOSED, /* relay: the connection was gone before all answers were taken */
	DROP_STOPPED,	  /* relay: under way when we ended */
	DISPATCH_DROPS,	  /* number of values */
};

const char *dispatch_drop_name(enum dispatch_drop reason);

/* Of connections in handoff, of messages in relay. */
struct dispatch_counts {
	uint64_t in;
	uint64_t out;
	uint64_t drops[DISPATCH_DROPS];
};

/* A worker's place: what was given to it, and what of that it answered (handoff: took). */
struct member {
	struct watch control; /* its fd: the Unix socket; -1 before it joined */
	struct watch stream;  /* relay: frames both ways */
	struct dispatcher *dispatcher;
	unsigned int number;
	bool open; /* joined, and neither left nor died */
	struct byte_queue to;
	struct byte_queue from;
	uint64_t sent_bytes;
	struct dispatch_counts counts;
};

struct peer;

struct dispatcher {
	const struct dispatcher_options *options;
	int epoll;
	struct watch stop;
	struct watch listener; /* TCP; watched once all workers have joined */
	struct watch joining;  /* Unix */
	struct member members[DISPATCHER_MAX_WORKERS];
	unsigned int joined;
	unsigned int next; /* worker */
	uint64_t connections;
	uint64_t rx_bytes;
	uint64_t tx_bytes;
	uint64_t partial_bytes;
	struct dispatch_counts counts;
	struct tcp_facts tcp;
	/* relay */
	struct peer **peers; /* [peer_capacity]; NULL: a free place */
	uint32_t *generations;
	uint32_t peer_capacity;
	struct peer *dirty;  /* have answers to be sent at the end of the turn */
	struct peer *closed; /* to be freed at the end of the turn */
	bool failed;	     /* after a message */
	bool worker_died;
};

/* Listens. False after a message. */
bool dispatcher_begin(struct dispatcher *d, const struct dispatcher_options *o);

/* Works until a stop is asked for, a worker dies, or something fails. */
void dispatcher_run(struct dispatcher *d);

/* Counts what is still under way, and closes everything. */
void dispatcher_end(struct dispatcher *d);

/* The next worker in turn that is there, or NULL. */
struct member *dispatcher_next(struct dispatcher *d);

/* Says what failed, with errno, and ends the loop. */
void dispatcher_fail(struct dispatcher *d, const char *what);

#endif
