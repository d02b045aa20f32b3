/*
 * One connection of an echo server: whole messages, of one size or of the lengths that
 * they tell themselves, go back in the order in which they came. What came in one piece leaves in
 * one piece; a message that came in parts leaves when it is whole. While the peer does not read,
 * nothing more is read from it, so memory is bounded.
 */
#ifndef COMMON_ECHO_STREAM_H
#define COMMON_ECHO_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How long the messages of a stream are, where they are not all of one size. */
struct echo_framing {
	void *self;
	/* Bytes of the whole messages at the beginning of `from`, and how many there are; SIZE_MAX
	 * where it is no stream of messages. */
	size_t (*whole)(void *self, const uint8_t *from, size_t n, uint64_t *messages);
	/* Told of bytes [from, from + n), whole messages, before they go back. May be NULL. */
	void (*seen)(void *self, const uint8_t *from, size_t n);
};

struct echo_stream {
	int fd;
	const struct echo_framing *framing; /* NULL: messages of `size` bytes */
	size_t size;			    /* bytes of a message; with a framing, of the longest */
	size_t capacity;		    /* of the buffer */
	size_t unsent;			    /* buffer[unsent, whole) waits to be sent */
	size_t whole; /* buffer[whole, filled) is the beginning of a message */
	size_t filled;
	uint64_t rx_bytes;
	uint64_t tx_bytes;
	uint64_t rx_messages; /* with a framing */
	uint64_t tx_messages;
	uint8_t *buffer;
};

enum echo_result {
	ECHO_NOTHING, /* nothing had come */
	ECHO_WORKED,  /* something came, or left */
	ECHO_FULL,    /* the peer does not read: wait until the socket takes more */
	ECHO_CLOSED,  /* the peer closed */
	ECHO_FAILED,  /* errno says why; EPROTO: no stream of messages */
};

/* 0, or -1 with errno set. Closes nothing. */
int echo_stream_begin(struct echo_stream *e, int fd, size_t size);

/* From now on messages tell their lengths. Before anything came. */
static inline void
echo_stream_frame(struct echo_stream *e, const struct echo_framing *framing)
{
	e->framing = framing;
}

/* Frees the buffer and closes the socket. */
void echo_stream_end(struct echo_stream *e);

/* Receives at most once and sends what is whole, `delay` ticks after it came. Never blocks (but for
 * the delay). */
enum echo_result echo_stream_step(struct echo_stream *e, uint64_t delay);

/* Whole messages that came, and that went back whole; bytes of the beginning of another. */
static inline uint64_t
echo_stream_received(const struct echo_stream *e)
{
	return e->framing != NULL ? e->rx_messages : e->rx_bytes / e->size;
}

uint64_t echo_stream_returned(const struct echo_stream *e);

static inline size_t
echo_stream_partial(const struct echo_stream *e)
{
	return e->framing != NULL ? e->filled - e->whole : e->rx_bytes % e->size;
}

#endif
