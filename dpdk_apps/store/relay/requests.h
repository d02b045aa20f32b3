/* The requests that were read from the kernel and have not ended, each in room of its own, from
 * which it is sent: those that wait to be sent, in their order, and those that are out. */
#ifndef STORE_REQUESTS_H
#define STORE_REQUESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REQUESTS_MOST 1024

enum request_state { REQUEST_FREE, REQUEST_READ, REQUEST_WAITS, REQUEST_OUT };

struct request {
	uint8_t *room;
	uint32_t bytes;
	uint32_t opcode;
	uint64_t unique;
	uint64_t deadline; /* tick */
	enum request_state state;
	uint8_t strangers; /* times that the server said to know no INIT */
	bool interrupted;
};

struct requests {
	struct request *all;
	uint32_t most;
	uint32_t free_count, waiting_count;
	uint32_t room; /* bytes of each */
	uint16_t free[REQUESTS_MOST];
	uint16_t waiting[REQUESTS_MOST]; /* the first is sent first */
	uint8_t *memory;
};

/* For `most` requests of at most `room` bytes. 0, or -1 with errno set. */
int requests_open(struct requests *r, uint32_t most, uint32_t room);
void requests_close(struct requests *r);

/* A free one, which becomes one that was READ; NULL: all are in use. */
struct request *requests_take(struct requests *r);

/* It has ended, in whatever state it was. */
void requests_free(struct requests *r, struct request *q);

/* It waits, behind all others. */
void requests_wait(struct requests *r, struct request *q);

/* It waits, before all others. */
void requests_wait_first(struct requests *r, struct request *q);

/* It is out, and waits no more. */
void requests_out(struct requests *r, struct request *q);

/* The one that waits in place `i`, below `waiting_count`. */
struct request *requests_waiting(const struct requests *r, uint32_t i);

/* The one of this number that waits or is out; NULL: none. */
struct request *requests_find(const struct requests *r, uint64_t unique);

/* The first deadline of those that wait; UINT64_MAX: none does. */
uint64_t requests_deadline(const struct requests *r);

static inline uint64_t
requests_token(const struct requests *r, const struct request *q)
{
	return (uint64_t)(q - r->all);
}

#endif
