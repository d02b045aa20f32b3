/*
 * Packets over one TCP connection: each is preceded by its length, 4 bytes in network order.
 * Nothing here waits. A packet is shown where it was received, and sent from where it lies; only
 * the rest of one that the socket did not take whole is copied, and leaves before any other.
 */
#ifndef STORE_TCP_STREAM_H
#define STORE_TCP_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "carrier.h"
#include "tcp_counts.h"

/* Bytes of a packet, its header included: 1 MiB of data and what stands before it in one. */
#define TCP_STREAM_MOST (PACKET_HEADER_BYTES + (1u << 20) + 4096)
#define TCP_STREAM_LENGTH_BYTES 4
/* Packets under way: TCP keeps its own windows, so this is no bound of its own. */
#define TCP_STREAM_WINDOW 1024

enum tcp_stream_state {
	TCP_STREAM_OPEN,
	TCP_STREAM_CLOSED,   /* the peer ended it, or the network did */
	TCP_STREAM_NONSENSE, /* what comes is longer than any packet */
};

struct tcp_stream {
	int fd; /* -1: none */
	enum tcp_stream_state state;
	uint8_t *in;   /* what has come is between `begin` and `end` */
	uint8_t *kept; /* what is to leave is between `kept_begin` and `kept_end` */
	size_t begin, end;
	size_t kept_begin, kept_end;
};

/* Takes over `fd`, a connection that does not block. 0, or -1 with errno set: `fd` stays as it is.
 */
int tcp_stream_begin(struct tcp_stream *s, int fd);

/* Adds what is to be counted of it when it ends: what is under way, and what the kernel says. */
void tcp_stream_account(const struct tcp_stream *s, struct tcp_counts *counts);

/* Closes it and accounts for it. */
void tcp_stream_end(struct tcp_stream *s, struct tcp_counts *counts);

/* As send() of a carrier; -EMSGSIZE: larger than TCP_STREAM_MOST, or in too many parts. */
int tcp_stream_send(struct tcp_stream *s, const struct iovec *parts, int count,
		struct tcp_counts *counts);

/* Whether something is kept back, so that nothing else can leave. */
static inline bool
tcp_stream_keeps(const struct tcp_stream *s)
{
	return s->kept_begin < s->kept_end;
}

/* Sends what is kept back, as far as the socket takes it. */
void tcp_stream_flush(struct tcp_stream *s, struct tcp_counts *counts);

/* Hands what has come from `peer` to `take`, after one look at the socket. Returns how many packets
 * that were; see `state` for the end of the connection. */
uint32_t tcp_stream_receive(struct tcp_stream *s, uint32_t peer, carrier_take *take, void *self,
		struct tcp_counts *counts);

#endif
