#include "byte_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define LEAST_CAPACITY 4096

uint8_t *
byte_queue_room(struct byte_queue *q, size_t n)
{
	size_t length = byte_queue_length(q);
	size_t capacity = q->capacity > 0 ? q->capacity : LEAST_CAPACITY;
	uint8_t *grown;

	if (q->bytes != NULL && q->end + n <= q->capacity)
		return q->bytes + q->end;
	if (length > 0 && q->begin > 0)
		memmove(q->bytes, q->bytes + q->begin, length);
	q->begin = 0;
	q->end = length;
	while (capacity < length + n)
		capacity *= 2;
	if (q->bytes == NULL || capacity > q->capacity) {
		grown = realloc(q->bytes, capacity);
		if (grown == NULL)
			return NULL;
		q->bytes = grown;
		q->capacity = capacity;
	}
	return q->bytes + q->end;
}

void
byte_queue_drop(struct byte_queue *q, size_t n)
{
	q->begin += n;
	if (q->begin == q->end)
		q->begin = q->end = 0;
}

enum stream_result
byte_queue_receive(struct byte_queue *q, int fd, size_t most)
{
	uint8_t *room = byte_queue_room(q, most);
	ssize_t n;

	if (room == NULL) {
		errno = ENOMEM;
		return STREAM_FAILED;
	}
	n = recv(fd, room, most, MSG_DONTWAIT);
	if (n > 0) {
		byte_queue_added(q, (size_t)n);
		return STREAM_MOVED;
	}
	if (n == 0)
		return STREAM_CLOSED;
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? STREAM_NOTHING
									 : STREAM_FAILED;
}

enum stream_result
byte_queue_send(struct byte_queue *q, int fd, uint64_t *sent)
{
	enum stream_result result = STREAM_NOTHING;

	while (byte_queue_length(q) > 0) {
		ssize_t n = send(fd, byte_queue_first(q), byte_queue_length(q),
				MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return result;
		if (n < 0)
			return errno == EPIPE || errno == ECONNRESET ? STREAM_CLOSED
								     : STREAM_FAILED;
		byte_queue_drop(q, (size_t)n);
		*sent += (uint64_t)n;
		result = STREAM_MOVED;
	}
	return result;
}

void
byte_queue_free(struct byte_queue *q)
{
	free(q->bytes);
	*q = (struct byte_queue){0};
}
