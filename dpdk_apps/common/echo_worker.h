/*
 * One worker of an echo server: its share of the connections, in one thread. Where
 * its connections come from is the program's: a listening socket of its own, or
 * another process that hands them over.
 */
#ifndef COMMON_ECHO_WORKER_H
#define COMMON_ECHO_WORKER_H

#include <stddef.h>
#include <stdint.h>

#include "echo_stream.h"
#include "loop_shape.h"
#include "stats.h"
#include "tcp_socket.h"

struct worker_options {
	enum tcp_mode mode;
	struct loop_shape shape;	    /* all zero: no sleep */
	const struct echo_framing *framing; /* NULL: messages of the size that the source tells */
	uint64_t delay;			    /* ticks between the coming of a message and its echo */
};

struct connection_source {
	int fd; /* becomes readable when a connection may be there */
	/*
	 * The next connection and the bytes of its messages. -1 with errno: EAGAIN, there is none
	 * now; EPIPE, there will be none any more; ECONNABORTED and the like, one went away before
	 * it was taken.
	 */
	int (*next)(struct connection_source *source, size_t *size);
};

/* Totals over all connections, of whole messages. received = returned + peer_closed + stopped. */
struct worker_counts {
	uint64_t connections; /* accepted */
	uint64_t received;
	uint64_t returned;
	uint64_t peer_closed; /* came, but the peer was gone before all of it was taken back */
	uint64_t stopped;     /* came, but we were told to end first */
	uint64_t rx_bytes;
	uint64_t tx_bytes;
	uint64_t broken;	/* connections that were no streams of messages */
	uint64_t partial_bytes; /* beginnings of messages that never became whole */
	struct tcp_facts tcp;
};

enum worker_end {
	WORKER_STOPPED,	    /* as it was asked to */
	WORKER_FAILED,	    /* after a message */
	WORKER_SOURCE_GONE, /* the source said EPIPE */
};

/* Serves until a stop is asked for; the counts are right however it ends. */
enum worker_end worker_run(const struct worker_options *o, struct connection_source *source,
		struct worker_counts *counts);

/* What every such worker writes of itself: mode, idle, connections, its one entry of "queues",
 * accounting, partial bytes, tcp. */
void worker_report(struct stats *s, const struct worker_options *o, const struct worker_counts *c,
		unsigned int worker, const char *driver);

#endif
