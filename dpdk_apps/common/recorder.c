#define _GNU_SOURCE
#include "recorder_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "clock.h"

/* Bytes that this machine can still give without killing anyone; "no limit" where it does not say.
 */
static uint64_t
memory_available(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	char line[128];
	uint64_t kib = UINT64_MAX / 1024;

	if (f == NULL)
		return UINT64_MAX;
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "MemAvailable: %" SCNu64, &kib) == 1)
			break;
	(void)fclose(f);
	return kib * 1024;
}

struct recorder *
recorder_create(uint64_t capacity)
{
	struct recorder *r;
	size_t bytes;
	int saved;

	if (capacity == 0) {
		errno = EINVAL;
		return NULL;
	}
	/* Overcommit would hand out what is not there, and the OOM killer would end the
	 * measurement. */
	if (capacity > SIZE_MAX / sizeof(struct packet) ||
			capacity * sizeof(struct packet) > memory_available()) {
		errno = ENOMEM;
		return NULL;
	}
	bytes = capacity * sizeof(struct packet);
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return NULL;
	r->capacity = capacity;
	r->end = UINT64_MAX;
	r->packets = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (r->packets == MAP_FAILED) {
		saved = errno;
		free(r);
		errno = saved;
		return NULL;
	}
	/* Advice before the first touch, which is why this is not MAP_POPULATE. It may be refused:
	 * pages of 4 KiB do. */
	(void)madvise(r->packets, bytes, MADV_HUGEPAGE);
	memset(r->packets, 0, bytes);
	return r;
}

void
recorder_destroy(struct recorder *r)
{
	if (r == NULL)
		return;
	(void)munmap(r->packets, r->capacity * sizeof(struct packet));
	free(r);
}

uint64_t
recorder_send(struct recorder *r, uint64_t tick)
{
	if (r->next >= r->capacity)
		return RECORDER_FULL;
	r->packets[r->next] = (struct packet){.sent = tick, .back = BACK_PENDING};
	return r->next++;
}

uint64_t
recorder_next(const struct recorder *r)
{
	return r->next < r->capacity ? r->next : RECORDER_FULL;
}

uint64_t
recorder_room(const struct recorder *r)
{
	return r->capacity - r->next;
}

void
recorder_unsend(struct recorder *r)
{
	if (r->next == 0)
		return;
	r->next--;
	if (r->begin > r->next)
		r->begin = r->next;
	if (r->end != UINT64_MAX && r->end > r->next)
		r->end = r->next;
}

static inline bool
in_window(const struct recorder *r, uint64_t seq)
{
	return r->begun && seq >= r->begin && seq < r->end;
}

enum recorder_verdict
recorder_return(struct recorder *r, uint64_t seq, uint64_t tick)
{
	struct packet *p;

	if (seq >= r->next) {
		r->counts.unknown++;
		return RECORDER_UNKNOWN;
	}
	p = &r->packets[seq];
	if (p->back == BACK_LOST) {
		r->counts.late++;
		return RECORDER_LATE;
	}
	if (p->back != BACK_PENDING) {
		r->counts.duplicates++;
		return RECORDER_DUPLICATE;
	}
	p->back = tick;
	if (in_window(r, seq))
		r->counts.returned++;
	return RECORDER_OK;
}

bool
recorder_pending(const struct recorder *r, uint64_t seq)
{
	return seq < r->next && r->packets[seq].back == BACK_PENDING;
}

bool
recorder_returned(const struct recorder *r, uint64_t seq)
{
	return seq < r->next && r->packets[seq].back != BACK_PENDING &&
	       r->packets[seq].back != BACK_LOST;
}

bool
recorder_give_up(struct recorder *r, uint64_t seq)
{
	if (!recorder_pending(r, seq))
		return false;
	r->packets[seq].back = BACK_LOST;
	return true;
}

uint64_t
recorder_send_tick(const struct recorder *r, uint64_t seq)
{
	return r->packets[seq].sent;
}

void
recorder_window_begin(struct recorder *r)
{
	r->begun = true;
	r->begin = r->next;
	r->end = UINT64_MAX;
	r->opened = clock_ticks();
	r->counts.returned = 0;
}

void
recorder_window_end(struct recorder *r)
{
	if (r->begun && r->end == UINT64_MAX)
		r->end = r->next;
}

struct recorder_counts
recorder_counts(const struct recorder *r)
{
	struct recorder_counts counts = r->counts;

	counts.sent = window_count(r);
	counts.lost = counts.sent - counts.returned;
	counts.warmup = r->next - counts.sent;
	return counts;
}

uint64_t
recorder_backwards(const struct recorder *r)
{
	uint64_t count = window_count(r);
	uint64_t backwards = 0;

	for (uint64_t i = 0; i < count; i++) {
		const struct packet *p = &r->packets[r->begin + i];

		if (p->back != BACK_PENDING && p->back != BACK_LOST && p->back < p->sent)
			backwards++;
	}
	return backwards;
}
