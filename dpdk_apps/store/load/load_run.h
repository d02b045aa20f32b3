/* The measurement: requests to whoever answers them, from warm-up to drain, and what became of
 * each.
 */
#ifndef STORE_LOAD_RUN_H
#define STORE_LOAD_RUN_H

#include "window.h"
#include "work.h"

/* Errors that answers may say, by errno. */
#define LOAD_ERRNO_MAX 256

/* A place for a request that is out. */
struct load_room {
	uint64_t seq;
	uint8_t *request;
};

struct load {
	const struct load_options *options;
	struct answerer *answerer;
	struct work *work;
	struct meter meter;
	struct window window;
	double ticks_per_s;
	uint64_t sent; /* counted where they leave */
	uint64_t errors[LOAD_ERRNO_MAX];
	uint32_t room_count;
	uint32_t free_count;
	uint32_t free_rooms[LOAD_DEPTH_MAX];
	struct load_room rooms[LOAD_DEPTH_MAX];
	uint8_t *memory;
};

/* `slots`: requests that the answerer takes at once. 0, or -1 after one clear line. */
int load_begin(struct load *l, const struct load_options *o, struct answerer *answerer,
		struct work *work, uint32_t slots, double ticks_per_s);

/* Says that it is ready and measures. How it ended is in the window, and a reason to have no faith
 * in it on stderr. */
void load_run(struct load *l);

/* Whether the answerer is still who it was, so that it may be asked for more. */
bool load_ended_well(const struct load *l);

void load_end(struct load *l);

#endif
