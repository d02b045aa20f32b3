#include "floor_answerer.h"

#include <errno.h>
#include <stdlib.h>

#include "echo.h"
#include "lifecycle.h"
#include "memory_file.h"
#include "work.h"

/* A request that is out. */
struct asked {
	uint64_t token;
	const uint8_t *request;
	uint32_t bytes;
};

struct floor_answerer {
	struct answerer answerer; /* first */
	struct memory_file *file; /* NULL: echoes */
	uint64_t count;
	struct asked asked[LOAD_DEPTH_MAX];
	size_t room;
	uint8_t *answer;
};

static int
take(struct answerer *a, uint64_t token, const uint8_t *request, uint32_t bytes, uint64_t now,
		uint64_t deadline)
{
	struct floor_answerer *f = (struct floor_answerer *)a;

	(void)now;
	(void)deadline;
	if (a->out == LOAD_DEPTH_MAX)
		return -EAGAIN;
	f->asked[a->out++] = (struct asked){.token = token, .request = request, .bytes = bytes};
	return 0;
}

static uint64_t
answer_all(struct answerer *a, uint64_t now)
{
	struct floor_answerer *f = (struct floor_answerer *)a;
	uint32_t count = a->out;

	a->out = 0;
	for (uint32_t i = 0; i < count; i++) {
		const struct asked q = f->asked[i];
		size_t bytes = f->file != NULL ? memory_file_run(f->file, q.request, q.bytes,
								 f->answer, f->room)
					       : echo_run(NULL, 0, q.request, q.bytes, f->answer,
								 f->room);

		f->count++;
		a->done(a->self, q.token, RPC_ANSWERED, f->answer, (uint32_t)bytes);
	}
	return now;
}

struct floor_answerer *
floor_answerer_create(const struct load_options *o)
{
	static const struct answerer_calls calls = {.send = take, .poll = answer_all};
	struct floor_answerer *f = calloc(1, sizeof(*f));
	bool store = o->what == LOAD_STORE;

	if (f != NULL) {
		f->answerer = (struct answerer){.calls = &calls, .state = ANSWERER_OPEN};
		f->room = MEMORY_FILE_ANSWER_MIN + (size_t)o->generator.size;
		f->answer = malloc(f->room);
		f->file = store ? memory_file_create((size_t)o->file_mb << 20) : NULL;
		if (f->answer != NULL && (f->file != NULL || !store))
			return f;
	}
	complain("no memory for a file of %u MiB: make --file-mb smaller", o->file_mb);
	floor_answerer_destroy(f);
	return NULL;
}

void
floor_answerer_destroy(struct floor_answerer *f)
{
	if (f == NULL)
		return;
	memory_file_destroy(f->file);
	free(f->answer);
	free(f);
}

struct answerer *
floor_answerer_base(struct floor_answerer *f)
{
	return &f->answerer;
}

uint64_t
floor_answerer_count(const struct floor_answerer *f)
{
	return f->count;
}
