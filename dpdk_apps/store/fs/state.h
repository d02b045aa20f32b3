/*
 * The tables that a server needs again after it was killed: which node ids and file handles its
 * clients hold, and what files these are. With a path they are a file that is mapped, so whatever
 * was written there before a SIGKILL is there afterwards; without one they are memory. They are
 * not kept over a boot: then clients mount again.
 */
#ifndef STORE_STATE_H
#define STORE_STATE_H

#include <stdint.h>

#include "file_id.h"

/* Records are free until `used` is set, which is the last that is written. A record's generation
 * rises before it is used again. */
struct node_record {
	uint32_t generation;
	uint32_t used;
	uint64_t client;
	uint64_t lookups; /* that the client has not forgotten */
	struct file_id file;
	uint8_t unused[24];
};
_Static_assert(sizeof(struct node_record) == 128, "two records of a node fill four cache lines");

struct open_record {
	uint32_t generation;
	uint32_t used;
	uint64_t client;
	uint64_t node;
	uint32_t flags; /* of open(2), to open it again */
	uint32_t kind;
};

struct state_header; /* how they lie in the file */

struct state {
	int fd; /* of the file, locked; -1: memory */
	struct state_header *header;
	struct node_record *nodes;
	struct open_record *opens;
	uint32_t node_count, open_count;
	/* Records from here on were never used. They belong to the tables, and are in the file. */
	uint32_t *nodes_used, *opens_used;
};

/*
 * Opens the file at `path`, or takes memory where it is NULL. What an earlier server left there is
 * kept if it served the same folder (`root`) since the same boot with tables of the same size, and
 * removed otherwise. 0, or -1 after one clear line.
 */
int state_open(struct state *state, const char *path, const struct file_id *root, uint32_t nodes,
		uint32_t opens);

void state_close(struct state *state);

#endif
