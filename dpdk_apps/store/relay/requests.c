#include "requests.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Whole pages, so that a request is aligned as structures are. */
#define PAGE 4096u

int
requests_open(struct requests *r, uint32_t most, uint32_t room)
{
	*r = (struct requests){.most = most, .room = (room + PAGE - 1) / PAGE * PAGE};
	if (most == 0 || most > REQUESTS_MOST) {
		errno = EINVAL;
		return -1;
	}
	r->all = calloc(most, sizeof(*r->all));
	/* Pages are taken as large requests come. */
	r->memory = mmap(NULL, (size_t)most * r->room, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (r->memory == MAP_FAILED)
		r->memory = NULL;
	if (r->all == NULL || r->memory == NULL) {
		requests_close(r);
		errno = ENOMEM;
		return -1;
	}
	for (uint32_t i = most; i-- > 0;) {
		r->all[i].room = r->memory + (size_t)i * r->room;
		r->free[r->free_count++] = (uint16_t)i;
	}
	return 0;
}

void
requests_close(struct requests *r)
{
	if (r->memory != NULL)
		(void)munmap(r->memory, (size_t)r->most * r->room);
	free(r->all);
	*r = (struct requests){0};
}

struct request *
requests_take(struct requests *r)
{
	struct request *q;

	if (r->free_count == 0)
		return NULL;
	q = &r->all[r->free[--r->free_count]];
	*q = (struct request){.room = q->room, .state = REQUEST_READ};
	return q;
}

static void
stop_waiting(struct requests *r, const struct request *q)
{
	uint16_t number = (uint16_t)(q - r->all);
	uint32_t at = 0;

	while (at < r->waiting_count && r->waiting[at] != number)
		at++;
	r->waiting_count--;
	memmove(&r->waiting[at], &r->waiting[at + 1],
			(r->waiting_count - at) * sizeof(r->waiting[0]));
}

void
requests_free(struct requests *r, struct request *q)
{
	if (q->state == REQUEST_WAITS)
		stop_waiting(r, q);
	q->state = REQUEST_FREE;
	r->free[r->free_count++] = (uint16_t)(q - r->all);
}

void
requests_wait(struct requests *r, struct request *q)
{
	q->state = REQUEST_WAITS;
	r->waiting[r->waiting_count++] = (uint16_t)(q - r->all);
}

void
requests_wait_first(struct requests *r, struct request *q)
{
	q->state = REQUEST_WAITS;
	memmove(&r->waiting[1], &r->waiting[0], r->waiting_count * sizeof(r->waiting[0]));
	r->waiting[0] = (uint16_t)(q - r->all);
	r->waiting_count++;
}

void
requests_out(struct requests *r, struct request *q)
{
	if (q->state == REQUEST_WAITS)
		stop_waiting(r, q);
	q->state = REQUEST_OUT;
}

struct request *
requests_waiting(const struct requests *r, uint32_t i)
{
	return &r->all[r->waiting[i]];
}

struct request *
requests_find(const struct requests *r, uint64_t unique)
{
	for (uint32_t i = 0; i < r->most; i++)
		if (r->all[i].state != REQUEST_FREE && r->all[i].unique == unique)
			return &r->all[i];
	return NULL;
}

uint64_t
requests_deadline(const struct requests *r)
{
	uint64_t first = UINT64_MAX;

	for (uint32_t i = 0; i < r->waiting_count; i++) {
		uint64_t deadline = r->all[r->waiting[i]].deadline;

		if (deadline < first)
			first = deadline;
	}
	return first;
}
