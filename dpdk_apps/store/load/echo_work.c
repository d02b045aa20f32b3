/* Requests of a server of echoes, of the shapes that FUSE's have (server/echo.h). */
#include <stdlib.h>
#include <string.h>

#include "echo.h"
#include "lifecycle.h"
#include "wire.h"
#include "work.h"

/* Behind what the server reads: bytes that are no other request's. */
#define OWN_AT ECHO_REQUEST_BYTES
#define OWN_BYTES 16

struct echo_work {
	struct work work; /* first */
	const struct load_options *options;
	struct {
		uint32_t request, answer; /* bytes */
		bool writes;
	} rooms[LOAD_DEPTH_MAX];
};

static int
nothing(struct work *w, struct asking *a)
{
	(void)w;
	(void)a;
	return 0;
}

static uint32_t
make(struct work *work, uint32_t room, uint64_t seq, uint8_t *to)
{
	struct echo_work *w = (struct echo_work *)work;
	const struct load_options *o = w->options;
	uint32_t size = o->generator.size;
	bool writes = work_writes(o, seq);
	uint32_t request = o->op == LOAD_SAME ? size : FUSE_REQUEST_HEAD + (writes ? size : 0);
	uint32_t answer = o->op == LOAD_SAME ? size
			  : writes	     ? FUSE_WRITE_ANSWER
					     : FUSE_ANSWER_HEAD + size;

	wire_put_le32(to, answer);
	wire_put_le32(to + 4, (uint32_t)seq);
	wire_put_le64(to + OWN_AT, seq);
	wire_put_le64(to + OWN_AT + 8, work_random(o, seq));
	for (uint32_t at = OWN_AT + OWN_BYTES, n = OWN_BYTES; at < request; at += n, n *= 2)
		memcpy(to + at, to + OWN_AT, request - at < n ? request - at : n);
	w->rooms[room].request = request;
	w->rooms[room].answer = answer;
	w->rooms[room].writes = writes;
	return request;
}

/* Whether the answer is the request's bytes over and over, but for the number in front. */
static bool
repeats(const uint8_t *request, uint32_t n, const uint8_t *answer, uint32_t bytes)
{
	uint32_t once = bytes < n ? bytes : n;
	uint32_t twice = bytes - once < n ? bytes - once : n;

	return memcmp(answer + ECHO_NUMBER_BYTES, request + ECHO_NUMBER_BYTES,
			       once - ECHO_NUMBER_BYTES) == 0 &&
	       memcmp(answer + once, request, twice) == 0 &&
	       memcmp(answer + once + twice, answer + once, bytes - once - twice) == 0;
}

static struct judgement
judge(struct work *work, uint32_t room, const uint8_t *request, const uint8_t *answer,
		uint32_t bytes)
{
	struct echo_work *w = (struct echo_work *)work;

	if (bytes != w->rooms[room].answer)
		return (struct judgement){.verdict = MESSAGE_SHORT};
	if (memcmp(answer, request + 4, ECHO_NUMBER_BYTES) != 0)
		return (struct judgement){.verdict = MESSAGE_FOREIGN};
	if (!repeats(request, w->rooms[room].request, answer, bytes))
		return (struct judgement){.verdict = MESSAGE_CORRUPT};
	if (w->rooms[room].writes)
		work->writes++;
	else
		work->reads++;
	return (struct judgement){.verdict = MESSAGE_OK};
}

static void
destroy(struct work *work)
{
	free(work);
}

struct work *
echo_work_create(const struct load_options *o)
{
	static const struct work_calls calls = {
			.begin = nothing,
			.make = make,
			.judge = judge,
			.end = nothing,
			.destroy = destroy,
	};
	struct echo_work *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		complain("out of memory");
		return NULL;
	}
	w->work.calls = &calls;
	w->options = o;
	return &w->work;
}
