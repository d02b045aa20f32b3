/*
 * What the load client asks for: requests of which it knows what a right answer is. There are two
 * kinds, echo_work and store_work.
 */
#ifndef STORE_WORK_H
#define STORE_WORK_H

#include <stdint.h>

#include "asking.h"
#include "load_options.h"
#include "message.h"

/* What became of a request that was answered. */
struct judgement {
	enum message_error verdict; /* of its bytes, as the meter counts them */
	int error;		    /* errno: well formed, and the request failed; 0: it did not */
};

struct work;

struct work_calls {
	/* Before the warm-up: whatever requests need. 0, or -1 after one clear line. */
	int (*begin)(struct work *w, struct asking *a);
	/* Writes a request to `to` (work_request_max() bytes, aligned to 8), remembers it as that
	 * of `room`, and returns its bytes. */
	uint32_t (*make)(struct work *w, uint32_t room, uint64_t seq, uint8_t *to);
	/* The answer to the request of `room`, which stands in `request`. */
	struct judgement (*judge)(struct work *w, uint32_t room, const uint8_t *request,
			const uint8_t *answer, uint32_t bytes);
	/* When all is over: takes away what begin() made. 0, or -1 after one clear line. */
	int (*end)(struct work *w, struct asking *a);
	void (*destroy)(struct work *w);
};

struct work {
	const struct work_calls *calls;
	/* Right answers. */
	uint64_t reads;
	uint64_t writes;
};

/* NULL after one clear line. */
struct work *echo_work_create(const struct load_options *o);
struct work *store_work_create(const struct load_options *o);

/* The longest request and the longest answer of either. */
#define WORK_BYTES_MAX(size) (FUSE_REQUEST_HEAD + (size))

/* Whether request number `seq` is a write: as many of a hundred as was asked for, by chance. */
bool work_writes(const struct load_options *o, uint64_t seq);

/* A number that follows from `seq` and looks random. */
uint64_t work_random(const struct load_options *o, uint64_t seq);

#endif
