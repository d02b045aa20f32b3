/* One worker of the TCP echo server: its share of the connections, in one thread. */
#ifndef TCP_ECHO_WORKER_H
#define TCP_ECHO_WORKER_H

#include <stddef.h>
#include <stdint.h>

#include "echo_stream.h"
#include "loop_shape.h"
#include "stats.h"
#include "tcp_socket.h"

struct worker_options {
	struct sockaddr_in address;
	unsigned int worker;
	unsigned int workers;
	enum tcp_mode mode;
	size_t size;
	const struct echo_framing *framing; /* NULL: messages of `size` bytes */
	struct loop_shape shape;	    /* all zero: no sleep */
	uint64_t delay;			    /* ticks between the coming of a message and its echo */
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

/* Serves until a stop is asked for. 0, or -1 after a message; the counts are right either way. */
int worker_run(const struct worker_options *o, int listener, struct worker_counts *counts);

/* Writes "queues" (of one entry, number `queue`), "accounting", "partial_bytes" and "tcp". */
void worker_report(struct stats *s, const struct worker_counts *c, unsigned int queue);

#endif
