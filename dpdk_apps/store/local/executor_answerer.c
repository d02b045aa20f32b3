#include "executor_answerer.h"

#include <stdlib.h>

#include "lifecycle.h"

/* The only client. */
#define CLIENT 1

static int
carry_out(struct answerer *a, uint64_t token, const uint8_t *request, uint32_t bytes, uint64_t now,
		uint64_t deadline)
{
	struct executor_answerer *e = (struct executor_answerer *)a;
	size_t answer = executor_run(e->executor, CLIENT, request, bytes, e->out, sizeof(e->out));

	(void)now;
	(void)deadline;
	a->done(a->self, token, RPC_ANSWERED, e->out, (uint32_t)answer);
	return 0;
}

static uint64_t
nothing_due(struct answerer *a, uint64_t now)
{
	(void)a;
	(void)now;
	return UINT64_MAX;
}

struct executor_answerer *
executor_answerer_create(struct executor *e)
{
	static const struct answerer_calls calls = {.send = carry_out, .poll = nothing_due};
	struct executor_answerer *a = calloc(1, sizeof(*a));

	if (a == NULL) {
		complain("out of memory");
		return NULL;
	}
	a->answerer = (struct answerer){.calls = &calls, .state = ANSWERER_OPEN};
	a->executor = e;
	return a;
}
