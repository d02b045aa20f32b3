#include "store_service.h"

#include <stdlib.h>
#include <string.h>

#include "lifecycle.h"

/* What an executor reads and writes is aligned so. */
#define ALIGNMENT 8
/* An answer is no smaller: the header of FUSE. */
#define ANSWER_LEAST 16

struct store_service {
	struct executor *executor;
	/* A request that lies at any address is copied here. */
	_Alignas(ALIGNMENT) uint8_t in[EXECUTOR_REQUEST_MAX];
};

static size_t
run(void *self, uint64_t client, const uint8_t *in, size_t n, uint8_t *out, size_t room)
{
	struct store_service *v = self;

	/* Nobody agreed on values larger than offered. A client that wants less room hears EINVAL,
	 * which needs room itself. */
	if (n > sizeof(v->in) || room < ANSWER_LEAST)
		return 0;
	if ((uintptr_t)in % ALIGNMENT != 0)
		in = memcpy(v->in, in, n);
	return executor_run(v->executor, client, in, n, out, room);
}

static void
left(void *self, uint64_t client)
{
	struct store_service *v = self;

	executor_leave(v->executor, client);
}

struct store_service *
store_service_open(const struct executor_options *options)
{
	struct store_service *v = calloc(1, sizeof(*v));

	if (v == NULL) {
		complain("out of memory");
		return NULL;
	}
	v->executor = executor_open(options);
	if (v->executor != NULL)
		return v;
	free(v);
	return NULL;
}

void
store_service_close(struct store_service *v)
{
	if (v == NULL)
		return;
	executor_close(v->executor);
	free(v);
}

struct service
store_service_calls(struct store_service *v)
{
	return (struct service){.run = run, .left = left, .self = v};
}

const struct executor_counts *
store_service_counts(const struct store_service *v)
{
	return executor_counts(v->executor);
}
