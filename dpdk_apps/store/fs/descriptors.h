/*
 * Which nodes have a descriptor, of those that may: a bounded number, and the one that was used
 * longest ago is closed first.
 */
#ifndef STORE_DESCRIPTORS_H
#define STORE_DESCRIPTORS_H

#include <stdint.h>

struct descriptors;

/* For slots below `slots`, of which at most `most` have one. NULL with errno. */
struct descriptors *descriptors_open(uint32_t slots, uint32_t most);
void descriptors_close(struct descriptors *d);

/* The slot's descriptor, which was used last from now on; -1 where it has none. */
int descriptors_use(struct descriptors *d, uint32_t slot);

/* Takes `fd` for a slot that has none. */
void descriptors_keep(struct descriptors *d, uint32_t slot, int fd);

/* Closes the slot's descriptor, if it has one. */
void descriptors_drop(struct descriptors *d, uint32_t slot);

uint32_t descriptors_count(const struct descriptors *d);

#endif
