#include "echo_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"

#define LEAST_CAPACITY 65536

int
echo_stream_begin(struct echo_stream *e, int fd, size_t size)
{
	*e = (struct echo_stream){.fd = fd, .size = size, .capacity = 2 * size};
	if (e->capacity < LEAST_CAPACITY)
		e->capacity = LEAST_CAPACITY;
	e->buffer = malloc(e->capacity);
	return e->buffer != NULL ? 0 : -1;
}

void
echo_stream_end(struct echo_stream *e)
{
	free(e->buffer);
	e->buffer = NULL;
	(void)close(e->fd);
	e->fd = -1;
}

uint64_t
echo_stream_returned(const struct echo_stream *e)
{
	uint64_t partly = 0;

	if (e->framing == NULL)
		return e->tx_bytes / e->size;
	/* Of what is being sent, the messages that are off. */
	if (e->unsent > 0)
		(void)e->framing->whole(e->framing->self, e->buffer, e->unsent, &partly);
	return e->tx_messages + partly;
}

/* Finds the whole messages among what came; false where these are none. */
static bool
find_whole(struct echo_stream *e)
{
	uint64_t messages = 0;
	size_t whole;

	if (e->framing == NULL) {
		e->whole = e->filled - e->filled % e->size;
		return true;
	}
	whole = e->framing->whole(e->framing->self, e->buffer, e->filled, &messages);
	if (whole > e->filled)
		return false;
	e->whole = whole;
	e->rx_messages += messages;
	if (whole > 0 && e->framing->seen != NULL)
		e->framing->seen(e->framing->self, e->buffer, whole);
	return true;
}

static enum echo_result
give_back(struct echo_stream *e)
{
	while (e->unsent < e->whole) {
		ssize_t n = send(e->fd, e->buffer + e->unsent, e->whole - e->unsent,
				MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK ? ECHO_FULL : ECHO_FAILED;
		e->unsent += (size_t)n;
		e->tx_bytes += (uint64_t)n;
	}
	e->tx_messages = e->rx_messages;
	/* The beginning of the next message, if any, moves to the front: there is then room for the
	 * rest of it. */
	memmove(e->buffer, e->buffer + e->whole, e->filled - e->whole);
	e->filled -= e->whole;
	e->unsent = 0;
	e->whole = 0;
	return ECHO_WORKED;
}

enum echo_result
echo_stream_step(struct echo_stream *e, uint64_t delay)
{
	uint64_t came;
	ssize_t n;

	if (e->unsent < e->whole)
		return give_back(e);
	n = recv(e->fd, e->buffer + e->filled, e->capacity - e->filled, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? ECHO_NOTHING
										 : ECHO_FAILED;
	if (n == 0)
		return ECHO_CLOSED;
	came = delay > 0 ? clock_ticks() : 0;
	e->filled += (size_t)n;
	e->rx_bytes += (uint64_t)n;
	if (!find_whole(e)) {
		errno = EPROTO;
		return ECHO_FAILED;
	}
	while (delay > 0 && clock_ticks() - came < delay)
		;
	return e->whole > 0 ? give_back(e) : ECHO_WORKED;
}
