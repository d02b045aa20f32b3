#include "nodes.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "descriptors.h"
#include "mix64.h"

#define NONE UINT32_MAX

struct nodes {
	struct state *state;
	int root;
	struct descriptors *descriptors;
	uint32_t *next; /* of a slot: in its bucket, or in the list of free ones */
	uint32_t *buckets, bucket_mask;
	uint32_t free;
	uint32_t known;
};

static uint32_t *
bucket_of(const struct nodes *nodes, uint64_t client, const struct file_id *file)
{
	return &nodes->buckets[mix64(file_id_hash(file) ^ client) & nodes->bucket_mask];
}

static uint64_t
id_of(const struct nodes *nodes, uint32_t slot)
{
	return (uint64_t)nodes->state->nodes[slot].generation << 32 | slot;
}

/* The slot that the id names, or NONE with errno. */
static uint32_t
slot_of(const struct nodes *nodes, uint64_t client, uint64_t id)
{
	uint32_t slot = (uint32_t)id;
	const struct node_record *record;

	if (slot < *nodes->state->nodes_used) {
		record = &nodes->state->nodes[slot];
		if (record->used != 0 && record->generation == id >> 32 && record->client == client)
			return slot;
	}
	errno = ESTALE;
	return NONE;
}

static void
index_slot(struct nodes *nodes, uint32_t slot)
{
	const struct node_record *record = &nodes->state->nodes[slot];
	uint32_t *bucket = bucket_of(nodes, record->client, &record->file);

	nodes->next[slot] = *bucket;
	*bucket = slot;
	nodes->known++;
}

static void
release_slot(struct nodes *nodes, uint32_t slot)
{
	struct node_record *record = &nodes->state->nodes[slot];
	uint32_t *at = bucket_of(nodes, record->client, &record->file);

	while (*at != slot)
		at = &nodes->next[*at];
	*at = nodes->next[slot];
	descriptors_drop(nodes->descriptors, slot);
	record->used = 0;
	nodes->next[slot] = nodes->free;
	nodes->free = slot;
	nodes->known--;
}

struct nodes *
nodes_open(struct state *state, int root, uint32_t most_open)
{
	struct nodes *nodes = calloc(1, sizeof(*nodes));
	uint32_t buckets = 1;

	if (nodes == NULL)
		return NULL;
	while (buckets < state->node_count)
		buckets <<= 1;
	*nodes = (struct nodes){
			.state = state, .root = root, .bucket_mask = buckets - 1, .free = NONE};
	nodes->descriptors = descriptors_open(state->node_count, most_open);
	nodes->next = malloc(state->node_count * sizeof(*nodes->next));
	nodes->buckets = malloc(buckets * sizeof(*nodes->buckets));
	if (nodes->descriptors == NULL || nodes->next == NULL || nodes->buckets == NULL) {
		nodes_close(nodes);
		errno = ENOMEM;
		return NULL;
	}
	memset(nodes->buckets, 0xff, buckets * sizeof(*nodes->buckets));
	for (uint32_t slot = 0; slot < *state->nodes_used; slot++) {
		if (state->nodes[slot].used != 0) {
			index_slot(nodes, slot);
		} else {
			nodes->next[slot] = nodes->free;
			nodes->free = slot;
		}
	}
	return nodes;
}

void
nodes_close(struct nodes *nodes)
{
	if (nodes == NULL)
		return;
	descriptors_close(nodes->descriptors);
	free(nodes->next);
	free(nodes->buckets);
	free(nodes);
}

static uint32_t
find(const struct nodes *nodes, uint64_t client, const struct file_id *file)
{
	uint32_t slot = *bucket_of(nodes, client, file);

	while (slot != NONE &&
			(nodes->state->nodes[slot].client != client ||
					!file_id_same(&nodes->state->nodes[slot].file, file)))
		slot = nodes->next[slot];
	return slot;
}

static uint32_t
take_slot(struct nodes *nodes)
{
	uint32_t slot = nodes->free;

	if (slot != NONE) {
		nodes->free = nodes->next[slot];
	} else if (*nodes->state->nodes_used < nodes->state->node_count) {
		slot = *nodes->state->nodes_used;
		*nodes->state->nodes_used = slot + 1;
	} else {
		errno = ENFILE;
	}
	return slot;
}

/* A new node for the file; NONE with errno. */
static uint32_t
add(struct nodes *nodes, uint64_t client, const struct file_id *file)
{
	uint32_t slot = take_slot(nodes);
	struct node_record *record;

	if (slot == NONE)
		return NONE;
	record = &nodes->state->nodes[slot];
	/* 0 is left out: ids of generation 0 would be small numbers, one of them the root's. */
	record->generation = record->generation == UINT32_MAX ? 1 : record->generation + 1;
	record->client = client;
	record->lookups = 0;
	record->file = *file;
	__atomic_store_n(&record->used, 1, __ATOMIC_RELEASE);
	index_slot(nodes, slot);
	return slot;
}

/* Counts a lookup of the file behind `fd`; NONE with errno. */
static uint32_t
enter(struct nodes *nodes, uint64_t client, int fd)
{
	struct file_id file;
	uint32_t slot;

	if (file_id_get(fd, &file) != 0)
		return NONE;
	slot = find(nodes, client, &file);
	if (slot == NONE)
		slot = add(nodes, client, &file);
	if (slot != NONE)
		nodes->state->nodes[slot].lookups++;
	return slot;
}

uint64_t
nodes_enter(struct nodes *nodes, uint64_t client, int fd)
{
	uint32_t slot = enter(nodes, client, fd);
	int reason = errno;

	if (slot != NONE && descriptors_use(nodes->descriptors, slot) < 0) {
		descriptors_keep(nodes->descriptors, slot, fd);
		return id_of(nodes, slot);
	}
	(void)close(fd);
	errno = reason;
	return slot != NONE ? id_of(nodes, slot) : 0;
}

uint64_t
nodes_enter_open(struct nodes *nodes, uint64_t client, int fd)
{
	uint32_t slot = enter(nodes, client, fd);

	return slot != NONE ? id_of(nodes, slot) : 0;
}

const struct file_id *
nodes_file(const struct nodes *nodes, uint64_t client, uint64_t id)
{
	uint32_t slot = slot_of(nodes, client, id);

	return slot != NONE ? &nodes->state->nodes[slot].file : NULL;
}

int
nodes_path(struct nodes *nodes, uint64_t client, uint64_t id)
{
	uint32_t slot;
	int fd;

	if (id == FUSE_ROOT_ID)
		return nodes->root;
	slot = slot_of(nodes, client, id);
	if (slot == NONE)
		return -1;
	fd = descriptors_use(nodes->descriptors, slot);
	if (fd >= 0)
		return fd;
	fd = file_id_open(nodes->root, &nodes->state->nodes[slot].file, O_PATH | O_NOFOLLOW);
	if (fd >= 0)
		descriptors_keep(nodes->descriptors, slot, fd);
	return fd;
}

int
nodes_reopen(struct nodes *nodes, uint64_t client, uint64_t id, int flags)
{
	uint32_t slot;

	if (id == FUSE_ROOT_ID)
		return openat(nodes->root, ".", flags | O_CLOEXEC);
	slot = slot_of(nodes, client, id);
	if (slot == NONE)
		return -1;
	return file_id_open(nodes->root, &nodes->state->nodes[slot].file, flags | O_NOFOLLOW);
}

void
nodes_forget(struct nodes *nodes, uint64_t client, uint64_t id, uint64_t lookups)
{
	uint32_t slot = id != FUSE_ROOT_ID ? slot_of(nodes, client, id) : NONE;

	if (slot == NONE)
		return;
	if (lookups < nodes->state->nodes[slot].lookups)
		nodes->state->nodes[slot].lookups -= lookups;
	else
		release_slot(nodes, slot);
}

void
nodes_leave(struct nodes *nodes, uint64_t client)
{
	for (uint32_t slot = 0; slot < *nodes->state->nodes_used; slot++)
		if (nodes->state->nodes[slot].used != 0 &&
				nodes->state->nodes[slot].client == client)
			release_slot(nodes, slot);
}

uint32_t
nodes_known(const struct nodes *nodes)
{
	return nodes->known;
}

uint32_t
nodes_with_descriptor(const struct nodes *nodes)
{
	return descriptors_count(nodes->descriptors);
}
