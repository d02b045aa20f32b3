#include "asking.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "lifecycle.h"

/* Without an answer, how long it sleeps at most where it can. */
#define SLEEP_NS 2000000

/* One request that is out. */
struct question {
	struct asking *asking;
	bool over;
	enum rpc_outcome outcome;
};

void
asking_begin(struct asking *a, struct answerer *answerer, uint64_t deadline, double ticks_per_s)
{
	*a = (struct asking){
			.answerer = answerer,
			.deadline = deadline,
			.ticks_per_s = ticks_per_s,
			.requester = {.uid = geteuid(),
					.gid = getegid(),
					.pid = (uint32_t)getpid()},
	};
}

static void
done(void *self, uint64_t token, enum rpc_outcome outcome, const uint8_t *answer, uint32_t bytes)
{
	struct question *q = self;
	struct asking *a = q->asking;

	(void)token;
	q->over = true;
	q->outcome = outcome;
	a->answer_bytes = 0;
	if (outcome == RPC_ANSWERED && bytes > 0 && bytes <= sizeof(a->answer)) {
		memcpy(a->answer, answer, bytes);
		a->answer_bytes = bytes;
	}
}

static const char *
what_happened(const struct question *q)
{
	if (!q->over)
		return lifecycle_stopping() ? "a signal came" : "no word from the server";
	switch (q->outcome) {
	case RPC_DEADLINE:
		return "no answer in time";
	case RPC_RESTARTED:
		return "the server was started anew";
	case RPC_CLOSED:
		return "the connection was closed";
	case RPC_ANSWERED:
	case RPC_OUTCOMES:
		break;
	}
	return "the answer is none of FUSE";
}

/* Sends it as soon as it is taken, and waits until it is over. */
static void
exchange(struct question *q, const uint8_t *request, uint32_t bytes)
{
	struct answerer *to = q->asking->answerer;
	uint64_t end = clock_ticks() + q->asking->deadline;
	int sent = -EAGAIN;

	to->done = done;
	to->self = q;
	for (uint64_t now = clock_ticks(); !q->over; now = clock_ticks()) {
		/* One that was sent ends by its deadline: nobody may hear of it later. */
		if (sent != 0 && (now >= end || (lifecycle_stopping() && !q->asking->to_the_end)))
			return;
		if (sent == -EAGAIN)
			sent = to->calls->send(to, 0, request, bytes, now, end);
		if (sent != 0 && sent != -EAGAIN)
			return;
		if (to->calls->wait != NULL)
			to->calls->wait(to, -1, SLEEP_NS);
		(void)to->calls->poll(to, clock_ticks());
	}
}

int
ask(struct asking *a, const uint8_t *request, uint32_t bytes, uint32_t wanted, const char *what)
{
	struct question q = {.asking = a};
	enum fuse_answer kind = FUSE_ANSWER_SHORT;

	a->count++;
	exchange(&q, request, bytes);
	a->answered = q.over && q.outcome == RPC_ANSWERED;
	if (a->answered)
		kind = fuse_answer_read(a->answer, a->answer_bytes, a->requester.unique, &a->error);
	if (kind == FUSE_ANSWER_ERROR ||
			(kind == FUSE_ANSWERED && a->answer_bytes == FUSE_ANSWER_HEAD + wanted))
		return 0;
	complain("%s: %s: see that store_server still serves there", what, what_happened(&q));
	return -1;
}

int
ask_surely(struct asking *a, const uint8_t *request, uint32_t bytes, uint32_t wanted,
		const char *what)
{
	if (ask(a, request, bytes, wanted, what) != 0)
		return -1;
	if (a->error == 0)
		return 0;
	complain("%s: the server says: %s", what, strerror(a->error));
	return -1;
}
