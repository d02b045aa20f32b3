#include "locks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#define NONE UINT32_MAX
#define BUCKETS 1024u

struct lock {
	struct file_id file;
	struct lock_holder holder;
	struct lock_range range;
	uint32_t next; /* in its bucket, or in the list of free ones */
};

struct locks {
	struct lock *all;
	uint32_t free, free_count;
	uint32_t buckets[BUCKETS];
};

struct locks *
locks_open(uint32_t most)
{
	struct locks *locks = calloc(1, sizeof(*locks));

	if (locks == NULL)
		return NULL;
	locks->all = calloc(most, sizeof(*locks->all));
	if (locks->all == NULL) {
		locks_close(locks);
		errno = ENOMEM;
		return NULL;
	}
	for (uint32_t i = 0; i < BUCKETS; i++)
		locks->buckets[i] = NONE;
	for (uint32_t i = 0; i < most; i++)
		locks->all[i].next = i + 1 < most ? i + 1 : NONE;
	locks->free = most > 0 ? 0 : NONE;
	locks->free_count = most;
	return locks;
}

void
locks_close(struct locks *locks)
{
	if (locks == NULL)
		return;
	free(locks->all);
	free(locks);
}

static uint32_t
bucket_of(const struct file_id *file)
{
	return (uint32_t)(file_id_hash(file) % BUCKETS);
}

static bool
same_holder(const struct lock_holder *a, const struct lock_holder *b)
{
	return a->client == b->client && a->owner == b->owner;
}

/* Whether the lock is one of the file and kind, and shares a byte with the range. */
static bool
meets(const struct lock *lock, const struct file_id *file, const struct lock_holder *holder,
		const struct lock_range *range)
{
	return lock->holder.whole_file == holder->whole_file && lock->range.start <= range->end &&
	       lock->range.end >= range->start && file_id_same(&lock->file, file);
}

/* The caller has seen that there is a free one. */
static void
add(struct locks *locks, const struct file_id *file, const struct lock_holder *holder,
		const struct lock_range *range)
{
	uint32_t at = locks->free, *bucket = &locks->buckets[bucket_of(file)];

	locks->free = locks->all[at].next;
	locks->free_count--;
	locks->all[at] = (struct lock){
			.file = *file, .holder = *holder, .range = *range, .next = *bucket};
	*bucket = at;
}

/* Takes out the lock that `link` points to; `link` then points to what followed. */
static void
take_out(struct locks *locks, uint32_t *link)
{
	uint32_t at = *link;

	*link = locks->all[at].next;
	locks->all[at].next = locks->free;
	locks->free = at;
	locks->free_count++;
}

/* Takes the range out of all locks of the holder; a lock around it leaves two. */
static void
cut(struct locks *locks, const struct file_id *file, const struct lock_holder *holder,
		const struct lock_range *range)
{
	uint32_t *link = &locks->buckets[bucket_of(file)];

	while (*link != NONE) {
		struct lock *lock = &locks->all[*link];
		struct lock_range whole = lock->range, behind = whole;

		if (!meets(lock, file, holder, range) || !same_holder(&lock->holder, holder)) {
			link = &lock->next;
			continue;
		}
		if (whole.start < range->start) {
			lock->range.end = range->start - 1;
			link = &lock->next;
		} else {
			take_out(locks, link);
		}
		if (whole.end > range->end) {
			bool first = link == &locks->buckets[bucket_of(file)];

			behind.start = range->end + 1;
			add(locks, file, holder, &behind);
			/* It went to the head of the bucket, before what we look at. */
			if (first)
				link = &locks->all[*link].next;
		}
	}
}

struct lock_range
locks_find(const struct locks *locks, const struct file_id *file, const struct lock_holder *holder,
		const struct lock_range *range)
{
	uint32_t at = locks->buckets[bucket_of(file)];

	for (; at != NONE; at = locks->all[at].next) {
		const struct lock *lock = &locks->all[at];

		if (meets(lock, file, holder, range) && !same_holder(&lock->holder, holder) &&
				(lock->range.type == F_WRLCK || range->type == F_WRLCK))
			return lock->range;
	}
	return (struct lock_range){.type = F_UNLCK};
}

int
locks_set(struct locks *locks, const struct file_id *file, const struct lock_holder *holder,
		const struct lock_range *range)
{
	if (range->type != F_UNLCK && locks_find(locks, file, holder, range).type != F_UNLCK)
		return EAGAIN;
	/* Cutting one in two needs one more, and the new one another. */
	if (range->type != F_UNLCK && locks->free_count < 2)
		return ENOLCK;
	if (range->type == F_UNLCK && locks->free_count < 1 &&
			(range->start > 0 || range->end < INT64_MAX))
		return ENOLCK;
	cut(locks, file, holder, range);
	if (range->type != F_UNLCK)
		add(locks, file, holder, range);
	return 0;
}

void
locks_leave(struct locks *locks, uint64_t client)
{
	for (uint32_t bucket = 0; bucket < BUCKETS; bucket++) {
		uint32_t *link = &locks->buckets[bucket];

		while (*link != NONE) {
			if (locks->all[*link].holder.client == client)
				take_out(locks, link);
			else
				link = &locks->all[*link].next;
		}
	}
}
