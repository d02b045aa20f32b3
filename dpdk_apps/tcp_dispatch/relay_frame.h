/*
 * A message between dispatcher and worker: which connection it belongs to, then its
 * bytes. A worker gives the whole frame back as it came.
 */
#ifndef TCP_DISPATCH_RELAY_FRAME_H
#define TCP_DISPATCH_RELAY_FRAME_H

#include <string.h>

#include "byte_queue.h"
#include "wire.h"

#define RELAY_HEADER_BYTES 8

/* A connection: its place in the dispatcher's table, and how many had that place before it. */
struct relay_address {
	uint32_t place;
	uint32_t generation;
};

/* Appends a frame. False without memory. */
static inline bool
relay_frame_put(struct byte_queue *q, struct relay_address to, const uint8_t *message, size_t size)
{
	uint8_t *room = byte_queue_room(q, RELAY_HEADER_BYTES + size);

	if (room == NULL)
		return false;
	wire_put_le32(room, to.place);
	wire_put_le32(room + 4, to.generation);
	memcpy(room + RELAY_HEADER_BYTES, message, size);
	byte_queue_added(q, RELAY_HEADER_BYTES + size);
	return true;
}

/* The first frame of messages of `size` bytes, which stays in the queue. False if it is not whole
 * yet. */
static inline bool
relay_frame_peek(const struct byte_queue *q, size_t size, struct relay_address *of,
		const uint8_t **message)
{
	const uint8_t *frame = byte_queue_first(q);

	if (byte_queue_length(q) < RELAY_HEADER_BYTES + size)
		return false;
	of->place = wire_get_le32(frame);
	of->generation = wire_get_le32(frame + 4);
	*message = frame + RELAY_HEADER_BYTES;
	return true;
}

#endif
