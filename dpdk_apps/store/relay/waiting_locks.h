/*
 * Requests for a lock that another holds (SETLKW). The executor does not wait, so they are asked
 * again from time to time, until they get it or are interrupted.
 */
#ifndef STORE_WAITING_LOCKS_H
#define STORE_WAITING_LOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/fuse.h>

/* How often they are asked again. */
#define WAITING_LOCKS_MS 5
#define WAITING_LOCKS_MOST 256

#define WAITING_LOCK_BYTES (sizeof(struct fuse_in_header) + sizeof(struct fuse_lk_in))

struct waiting_locks {
	size_t count;
	_Alignas(8) uint8_t requests[WAITING_LOCKS_MOST][WAITING_LOCK_BYTES];
};

/* Whether the answer (an errno, negative) to the request says that it has to wait. It is kept
 * then. False for other requests, and where too many wait: it fails with EAGAIN. */
bool waiting_locks_keep(
		struct waiting_locks *w, const uint8_t *request, size_t bytes, int32_t answer);

/* Takes out the request with this number; whether it was there. */
bool waiting_locks_take(struct waiting_locks *w, uint64_t unique);

#endif
