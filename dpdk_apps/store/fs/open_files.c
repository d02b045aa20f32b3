#include "open_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define NONE UINT32_MAX
/* To open a file again is not to make it again. */
#define ONLY_ONCE (O_CREAT | O_EXCL | O_TRUNC)

/* What an open file has besides its record: not kept over a restart. */
struct live {
	int fd;	       /* -1: not opened by this server */
	uint32_t next; /* in the list of free slots */
};

struct open_files {
	struct state *state;
	struct nodes *nodes;
	struct live *live;
	uint32_t free;
	uint32_t count;
};

struct open_files *
open_files_open(struct state *state, struct nodes *nodes)
{
	struct open_files *files = calloc(1, sizeof(*files));

	if (files == NULL)
		return NULL;
	*files = (struct open_files){.state = state, .nodes = nodes, .free = NONE};
	files->live = malloc(state->open_count * sizeof(*files->live));
	if (files->live == NULL) {
		open_files_close(files);
		errno = ENOMEM;
		return NULL;
	}
	for (uint32_t slot = 0; slot < *state->opens_used; slot++) {
		files->live[slot].fd = -1;
		if (state->opens[slot].used != 0) {
			files->count++;
		} else {
			files->live[slot].next = files->free;
			files->free = slot;
		}
	}
	return files;
}

void
open_files_close(struct open_files *files)
{
	if (files == NULL)
		return;
	for (uint32_t slot = 0; files->live != NULL && slot < *files->state->opens_used; slot++)
		if (files->state->opens[slot].used != 0 && files->live[slot].fd >= 0)
			(void)close(files->live[slot].fd);
	free(files->live);
	free(files);
}

uint64_t
open_files_add(struct open_files *files, uint64_t client, uint64_t node, int fd, int flags,
		enum open_kind kind)
{
	uint32_t slot = files->free;
	struct open_record *record;

	if (slot != NONE) {
		files->free = files->live[slot].next;
	} else if (*files->state->opens_used < files->state->open_count) {
		slot = *files->state->opens_used;
		*files->state->opens_used = slot + 1;
	} else {
		(void)close(fd);
		errno = ENFILE;
		return 0;
	}
	record = &files->state->opens[slot];
	record->generation = record->generation == UINT32_MAX ? 1 : record->generation + 1;
	record->client = client;
	record->node = node;
	record->flags = (uint32_t)(flags & ~ONLY_ONCE);
	record->kind = kind;
	files->live[slot].fd = fd;
	__atomic_store_n(&record->used, 1, __ATOMIC_RELEASE);
	files->count++;
	return (uint64_t)record->generation << 32 | slot;
}

static uint32_t
slot_of(const struct open_files *files, uint64_t client, uint64_t handle, enum open_kind kind)
{
	uint32_t slot = (uint32_t)handle;
	const struct open_record *record;

	if (slot < *files->state->opens_used) {
		record = &files->state->opens[slot];
		if (record->used != 0 && record->generation == handle >> 32 &&
				record->client == client && record->kind == kind)
			return slot;
	}
	errno = EBADF;
	return NONE;
}

int
open_files_fd(struct open_files *files, uint64_t client, uint64_t handle, enum open_kind kind)
{
	uint32_t slot = slot_of(files, client, handle, kind);
	const struct open_record *record;

	if (slot == NONE)
		return -1;
	record = &files->state->opens[slot];
	if (files->live[slot].fd < 0)
		files->live[slot].fd = nodes_reopen(
				files->nodes, client, record->node, (int)record->flags);
	return files->live[slot].fd;
}

static int
release_slot(struct open_files *files, uint32_t slot)
{
	int fd = files->live[slot].fd;

	files->state->opens[slot].used = 0;
	files->live[slot] = (struct live){.fd = -1, .next = files->free};
	files->free = slot;
	files->count--;
	return fd >= 0 ? close(fd) : 0;
}

int
open_files_release(struct open_files *files, uint64_t client, uint64_t handle, enum open_kind kind)
{
	uint32_t slot = slot_of(files, client, handle, kind);

	return slot != NONE ? release_slot(files, slot) : -1;
}

void
open_files_leave(struct open_files *files, uint64_t client)
{
	for (uint32_t slot = 0; slot < *files->state->opens_used; slot++)
		if (files->state->opens[slot].used != 0 &&
				files->state->opens[slot].client == client)
			/* What close(2) says has nobody to hear it. */
			(void)release_slot(files, slot);
}

uint32_t
open_files_count(const struct open_files *files)
{
	return files->count;
}
