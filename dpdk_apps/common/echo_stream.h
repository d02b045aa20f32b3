/*
 * One connection of an echo server: whole messages of one size go back in the
 * order in which they came. What came in one piece leaves in one piece; a message
 * that came in parts leaves when it is whole. While the peer does not read, nothing
 * more is read from it, so memory is bounded.
 */
#ifndef COMMON_ECHO_STREAM_H
#define COMMON_ECHO_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct echo_stream {
	int fd;
	size_t size;	 /* bytes of a message */
	size_t capacity; /* of the buffer */
	size_t unsent;	 /* buffer[unsent, whole) waits to be sent */
	size_t whole;	 /* buffer[whole, filled) is the beginning of a message */
	size_t filled;
	uint64_t rx_bytes;
	uint64_t tx_bytes;
	uint8_t *buffer;
};

enum echo_result {
	ECHO_NOTHING, /* nothing had come */
	ECHO_WORKED,  /* something came, or left */
	ECHO_FULL,    /* the peer does not read: wait until the socket takes more */
	ECHO_CLOSED,  /* the peer closed */
	ECHO_FAILED,  /* errno says why */
};

/* 0, or -1 with errno set. Closes nothing. */
int echo_stream_begin(struct echo_stream *e, int fd, size_t size);

/* Frees the buffer and closes the socket. */
void echo_stream_end(struct echo_stream *e);

/* Receives at most once and sends what is whole, `delay` ticks after it came. Never blocks (but for
 * the delay). */
enum echo_result echo_stream_step(struct echo_stream *e, uint64_t delay);

/* Whole messages that came, and that went back whole. */
static inline uint64_t
echo_stream_received(const struct echo_stream *e)
{
	return e->rx_bytes / e->size;
}

static inline uint64_t
echo_stream_returned(const struct echo_stream *e)
{
	return e->tx_bytes / e->size;
}

#endif
