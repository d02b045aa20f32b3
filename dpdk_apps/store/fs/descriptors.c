#include "descriptors.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#define NONE UINT32_MAX

/* All zero where the slot has no descriptor: memory that was never touched costs nothing. */
struct entry {
	int fd_and_one;
	uint32_t newer, older; /* in the order of use */
};

struct descriptors {
	struct entry *entries;
	uint32_t newest, oldest;
	uint32_t count, most;
};

struct descriptors *
descriptors_open(uint32_t slots, uint32_t most)
{
	struct descriptors *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	*d = (struct descriptors){.newest = NONE, .oldest = NONE, .most = most};
	d->entries = calloc(slots, sizeof(*d->entries));
	if (d->entries != NULL)
		return d;
	free(d);
	errno = ENOMEM;
	return NULL;
}

void
descriptors_close(struct descriptors *d)
{
	if (d == NULL)
		return;
	while (d->count > 0)
		descriptors_drop(d, d->oldest);
	free(d->entries);
	free(d);
}

static void
detach(struct descriptors *d, uint32_t slot)
{
	struct entry *e = &d->entries[slot];

	*(e->newer != NONE ? &d->entries[e->newer].older : &d->newest) = e->older;
	*(e->older != NONE ? &d->entries[e->older].newer : &d->oldest) = e->newer;
}

static void
attach(struct descriptors *d, uint32_t slot)
{
	struct entry *e = &d->entries[slot];

	e->newer = NONE;
	e->older = d->newest;
	*(e->older != NONE ? &d->entries[e->older].newer : &d->oldest) = slot;
	d->newest = slot;
}

int
descriptors_use(struct descriptors *d, uint32_t slot)
{
	if (d->entries[slot].fd_and_one == 0)
		return -1;
	detach(d, slot);
	attach(d, slot);
	return d->entries[slot].fd_and_one - 1;
}

void
descriptors_keep(struct descriptors *d, uint32_t slot, int fd)
{
	if (d->count == d->most)
		descriptors_drop(d, d->oldest);
	d->entries[slot].fd_and_one = fd + 1;
	attach(d, slot);
	d->count++;
}

void
descriptors_drop(struct descriptors *d, uint32_t slot)
{
	struct entry *e = &d->entries[slot];

	if (e->fd_and_one == 0)
		return;
	detach(d, slot);
	/* close(2) of an O_PATH descriptor has nothing to lose. */
	(void)close(e->fd_and_one - 1);
	e->fd_and_one = 0;
	d->count--;
}

uint32_t
descriptors_count(const struct descriptors *d)
{
	return d->count;
}
