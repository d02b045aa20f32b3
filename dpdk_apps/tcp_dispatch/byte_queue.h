/* Bytes on their way from one stream to another: appended at the end, taken from the beginning. */
#ifndef TCP_DISPATCH_BYTE_QUEUE_H
#define TCP_DISPATCH_BYTE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct byte_queue {
	uint8_t *bytes; /* [capacity], of which [begin, end) are queued */
	size_t capacity;
	size_t begin;
	size_t end;
};

static inline size_t
byte_queue_length(const struct byte_queue *q)
{
	return q->end - q->begin;
}

/* Room for `n` more bytes, at the returned place; byte_queue_added() tells how many were written.
 * NULL without memory. */
uint8_t *byte_queue_room(struct byte_queue *q, size_t n);

static inline void
byte_queue_added(struct byte_queue *q, size_t n)
{
	q->end += n;
}

static inline const uint8_t *
byte_queue_first(const struct byte_queue *q)
{
	return q->bytes + q->begin;
}

/* Forgets the first `n` bytes. */
void byte_queue_drop(struct byte_queue *q, size_t n);

enum stream_result {
	STREAM_MOVED,	/* some bytes went */
	STREAM_NOTHING, /* nothing came, or the socket takes no more now */
	STREAM_CLOSED,
	STREAM_FAILED, /* errno says why */
};

/* Receives once, at most `most` bytes. Never blocks. */
enum stream_result byte_queue_receive(struct byte_queue *q, int fd, size_t most);

/* Sends until it is empty or the socket takes no more; `sent` grows by what went. Never blocks. */
enum stream_result byte_queue_send(struct byte_queue *q, int fd, uint64_t *sent);

void byte_queue_free(struct byte_queue *q);

#endif
