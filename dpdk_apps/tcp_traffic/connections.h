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
	uint64_t units; /* of a message */
	/* Writes the meter's next message, as many bytes as connections_begin() was told. */
	void (*write)(void *self, const struct meter *m, uint8_t *to);
	/*
	 * Bytes of the whole units at the beginning of `from`, and how many there are, added to
	 * `units`; SIZE_MAX where this is no stream of them, and the connection is given up.
	 */
	size_t (*whole)(const uint8_t *from, size_t n, uint64_t *units);
	/* Takes `n` bytes of whole units, which came at `tick` over connection `flow`. */
	void (*take)(void *self, uint32_t flow, const uint8_t *from, size_t n, uint64_t tick);
	/* Gives up what waits for more of it since too long before `now`. For every turn of the
	 * loop. May be NULL. */
	void (*expire)(void *self, uint64_t now);
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
	int error;	      /* errno of the first one that closed by an error, else 0 */
	uint64_t rx_messages; /* whole ones; units of the codec, where there is one */
	uint64_t tx_messages; /* that left whole; units likewise */
	uint64_t cut_off;     /* messages of which a part was still to leave when their connection
				 was lost */
	uint64_t rx_bytes;
	uint64_t tx_bytes;
	uint64_t whole_bytes; /* of rx_messages */
	uint64_t send_full;   /* sends that the socket did not take whole */
};

/* What a message counts as, in what is received and sent. */
static inline uint64_t
connections_units(const struct connections *c)
{
	return c->codec != NULL ? c->codec->units : 1;
}

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

/*
 * Writes "queues" (of one entry), "tcp", "stream" and the books: what came is one of the `taken`,
 * of which the caller knows what became, or refused by the meter.
 */
void connections_report(struct stats *s, const struct connections *c, const struct meter *m,
		uint64_t taken);

#endif
