/*
 * The generator's connections: message n goes over connection n mod F, and comes
 * back over the same one. Messages may leave and come in parts, and several may
 * come in one piece.
 */
#ifndef TCP_TRAFFIC_CONNECTIONS_H
#define TCP_TRAFFIC_CONNECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "echo_stream.h"
#include "endpoint.h"
#include "meter.h"
#include "tcp_socket.h"

/* How the messages of a program become bytes of a stream, and bytes messages. */
struct stream_codec {
	void *self;
	uint64_t units; /* that a message counts as, in what is received and sent */
	/* Writes the meter's next message, as many bytes as connections_begin() was told. */
	void (*write)(void *self, const struct meter *m, uint8_t *to);
	/*
	 * Takes the whole units at the beginning of `from`, which came at `tick` over connection
	 * `flow`; adds to `units` how many there were. Returns their bytes; SIZE_MAX where this is
	 * no stream of them, and the connection is given up.
	 */
	size_t (*take)(void *self, struct meter *m, uint32_t flow, const uint8_t *from, size_t n,
			uint64_t tick, uint64_t *units);
};

struct connection {
	int fd;
	bool closed;	 /* by the peer, or by an error */
	bool waits_room; /* in epoll: for room to send, too */
	uint64_t sent;	 /* bytes */
	size_t out_at;	 /* out[out_at, out_end) still has to be sent */
	size_t out_end;
	size_t in_end; /* in[0, in_end) is the beginning of what comes next */
	uint8_t *out;  /* one message */
	uint8_t *in;
	struct echo_stream echo; /* the other end, when the program measures its own floor */
};

struct connections {
	uint32_t count;
	size_t size;	    /* bytes of a message */
	size_t in_capacity; /* of each connection */
	struct connection *all;
	const struct stream_codec *codec; /* NULL: messages of message.h, all of `size` bytes */
	bool floor;
	const char *driver; /* what its sockets are called in statistics */
	bool polls;	    /* never sleeps */
	bool asks_each;	    /* recv() on each connection, instead of epoll */
	int epoll;
	uint32_t closed;
	int error; /* errno of the first one that closed by an error, else 0 */
	uint64_t rx_messages;
	uint64_t tx_messages;
	uint64_t rx_bytes;
	uint64_t tx_bytes;
	uint64_t send_full; /* sends that the socket did not take whole */
};

/* Connects all to the `workers` at `address`, or to echoes in this program where it is NULL. 0, or
 * -1 after a message. */
int connections_begin(struct connections *c, const struct endpoint *address, uint32_t workers,
		uint32_t count, size_t size, enum tcp_mode mode);

/* Closes and frees. */
void connections_end(struct connections *c);

/* Whether the next message can leave: the last one of its connection is off. */
bool connections_ready(struct connections *c, const struct meter *m);

/*
 * Sends the meter's next message and records it as sent at `tick`, or now where `tick` is 0. What
 * the socket does not take at once leaves later. The meter must have room and the connection must
 * be ready.
 */
void connections_send(struct connections *c, struct meter *m, uint64_t tick);

/* Takes what came, and sends what was left, without waiting. Returns whether anything was done. */
bool connections_turn(struct connections *c, struct meter *m);

/* The same after sleeping until something comes, or can leave, or `ns` have passed. */
bool connections_wait(struct connections *c, struct meter *m, uint64_t ns);

/* Sums what the kernel says of all connections; zeros where they are no TCP. */
struct tcp_facts connections_facts(const struct connections *c);

/* Writes "queues" (of one entry) and "tcp". */
void connections_report(struct stats *s, const struct connections *c);

#endif
