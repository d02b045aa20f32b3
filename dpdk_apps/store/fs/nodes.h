/*
 * The files that clients know by a node id. An id is a slot of a table and the slot's generation,
 * never an address; one that was forgotten, invented or given to another client is ESTALE. A node
 * keeps the kernel's name of its file; descriptors are opened from it as they are needed, and a
 * bounded number stays open.
 */
#ifndef STORE_NODES_H
#define STORE_NODES_H

#include <stdint.h>

#include "state.h"

struct nodes;

/* A descriptor that nodes_path() gave stays open through this many more calls at least. */
#define NODES_STEADY 8

/*
 * Over the records of `state`, which hold what an earlier server knew. `root` is the backing
 * folder, node 1 of every client: not O_PATH, and the caller's. At most `most_open` (more than
 * NODES_STEADY) descriptors stay open. NULL with errno.
 */
struct nodes *nodes_open(struct state *state, int root, uint32_t most_open);
void nodes_close(struct nodes *nodes);

/*
 * The client looked up the file behind `fd` (O_PATH), which is taken whatever happens. Counts the
 * lookup and returns the node's id; 0 with errno: ENFILE where the table is full.
 */
uint64_t nodes_enter(struct nodes *nodes, uint64_t client, int fd);

/* The same for an open file, whose descriptor stays the caller's. */
uint64_t nodes_enter_open(struct nodes *nodes, uint64_t client, int fd);

/* The kernel's name of the node's file, the same for every client; NULL with errno, and for the
 * root, which is not in the table. */
const struct file_id *nodes_file(const struct nodes *nodes, uint64_t client, uint64_t id);

/* A descriptor (O_PATH) of the node, for NODES_STEADY more calls; the table's. -1 with errno. */
int nodes_path(struct nodes *nodes, uint64_t client, uint64_t id);

/* Opens the node's file with the flags of open(2); the descriptor is the caller's. The caller has
 * seen that it is a regular file or a folder. -1 with errno. */
int nodes_reopen(struct nodes *nodes, uint64_t client, uint64_t id, int flags);

/* The client forgets `lookups` of its lookups. An unknown id is no error: it has no answer. */
void nodes_forget(struct nodes *nodes, uint64_t client, uint64_t id, uint64_t lookups);

/* The client is gone, and all of its nodes. */
void nodes_leave(struct nodes *nodes, uint64_t client);

/* How many nodes are known, and how many have a descriptor. */
uint32_t nodes_known(const struct nodes *nodes);
uint32_t nodes_with_descriptor(const struct nodes *nodes);

#endif
