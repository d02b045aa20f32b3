#include <errno.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>

#include "kernel.h"
#include "relay_internal.h"

/* A server that says so often that it knows no INIT, although it heard it, is told no more. */
#define STRANGERS_MOST 3

/* What became of an answer: `refused` where it is none. */
static void
judge(struct relay *r, enum kernel_answer result)
{
	if (result == KERNEL_LATE) {
		r->counts.late++;
	} else if (result == KERNEL_NO_ANSWER) {
		complain("the kernel takes no answer: %s", strerror(errno));
		r->state = RELAY_FAILED;
	}
}

void
relay_answer_error(struct relay *r, uint64_t unique, int error)
{
	judge(r, kernel_answer_error(r->fuse, unique, error));
}

void
relay_end(struct relay *r, struct request *q, int error, uint64_t *count)
{
	bool unanswered = opcode_unanswered(q->opcode);
	uint64_t unique = q->unique;

	(*count)++;
	/* Without it there is no file system. */
	if (q->opcode == FUSE_INIT && r->state == RELAY_SERVES) {
		complain("the kernel's INIT had no answer (%s): see that the server serves files",
				strerror(error));
		r->state = RELAY_FAILED;
	}
	requests_free(&r->requests, q);
	if (!unanswered)
		relay_answer_error(r, unique, error);
}

/* Whether the bytes are an answer to this request: the kernel must not hear of another. */
static bool
is_answer(const struct request *q, const uint8_t *answer, uint32_t bytes,
		struct fuse_out_header *header)
{
	if (bytes < sizeof(*header))
		return false;
	memcpy(header, answer, sizeof(*header));
	return header->len == bytes && header->unique == q->unique;
}

static void
pass_back(struct relay *r, struct request *q, const uint8_t *answer, uint32_t bytes)
{
	enum kernel_answer result = kernel_answer(r->fuse, answer, bytes);

	if (result == KERNEL_NO_ANSWER) {
		relay_end(r, q, EIO, &r->counts.bad_answer);
		return;
	}
	r->counts.answered++;
	if (result == KERNEL_LATE)
		r->counts.late++;
	requests_free(&r->requests, q);
}

/* The lock is another's; the request is kept, or ends where it was interrupted meanwhile. */
static void
lock_is_held(struct relay *r, struct request *q, const uint8_t *answer, uint32_t bytes)
{
	if (q->interrupted) {
		relay_end(r, q, EINTR, &r->counts.interrupted);
	} else if (waiting_locks_keep(&r->locks, q->room, q->bytes, -EAGAIN)) {
		if (r->locks.count == 1)
			r->locks_due = r->now + r->config.ticks_per_s / 1000 * WAITING_LOCKS_MS;
		r->counts.lock_waits++;
		requests_free(&r->requests, q);
	} else {
		pass_back(r, q, answer, bytes);
	}
}

/* The answer to the kernel's own INIT. */
static void
take_init(struct relay *r, struct request *q, const uint8_t *answer, uint32_t bytes)
{
	char why[256];

	if (init_keep(&r->init, q->room, q->bytes, answer, bytes, r->config.value_max, why,
			    sizeof(why))) {
		pass_back(r, q, answer, bytes);
		return;
	}
	complain("%s", why);
	r->state = RELAY_FAILED;
	relay_end(r, q, EIO, &r->counts.refused);
}

static void
take_answer(struct relay *r, struct request *q, const uint8_t *answer, uint32_t bytes)
{
	struct fuse_out_header header;

	r->answered = r->now;
	if (opcode_unanswered(q->opcode)) {
		relay_end(r, q, 0, &r->counts.unanswered);
	} else if (!is_answer(q, answer, bytes, &header)) {
		relay_end(r, q, EIO, &r->counts.bad_answer);
	} else if (q->opcode == FUSE_INIT) {
		take_init(r, q, answer, bytes);
	} else if (header.error == -ENOTCONN && q->strangers < STRANGERS_MOST) {
		/* It was not carried out: this server knows no INIT. */
		q->strangers++;
		r->counts.strangers++;
		if (r->init.state == INIT_KNOWN)
			r->init.state = INIT_AGAIN;
		relay_wait(r, q);
	} else if (header.error == -EAGAIN && q->opcode == FUSE_SETLKW) {
		lock_is_held(r, q, answer, bytes);
	} else {
		pass_back(r, q, answer, bytes);
	}
}

/* The server ended while the request was out: nobody knows whether it was carried out. */
static void
take_restart(struct relay *r, struct request *q)
{
	if (!opcode_repeatable(q->room, q->bytes)) {
		relay_end(r, q, EIO, &r->counts.restarted);
		return;
	}
	r->counts.repeated++;
	relay_wait(r, q);
}

/* The INIT that was said again ended. */
static void
take_init_again(struct relay *r, enum rpc_outcome outcome, const uint8_t *answer, uint32_t bytes)
{
	char why[256];

	/* Of the life before: it is to be said to the next one already. */
	if (r->init.state != INIT_OUT)
		return;
	if (outcome != RPC_ANSWERED)
		r->init.state = INIT_AGAIN;
	else if (!init_compare(&r->init, answer, bytes, why, sizeof(why)))
		complain("%s", why);
}

void
relay_done(void *self, uint64_t token, enum rpc_outcome outcome, const uint8_t *answer,
		uint32_t bytes)
{
	struct relay *r = self;
	struct request *q;

	r->news = r->now;
	if (token == relay_init_token(r)) {
		take_init_again(r, outcome, answer, bytes);
		return;
	}
	q = &r->requests.all[token];
	switch (outcome) {
	case RPC_ANSWERED:
		take_answer(r, q, answer, bytes);
		break;
	case RPC_DEADLINE:
		relay_end(r, q, ETIMEDOUT, &r->counts.deadline);
		break;
	case RPC_RESTARTED:
		take_restart(r, q);
		break;
	case RPC_CLOSED:
	case RPC_OUTCOMES:
		relay_end(r, q, EIO, &r->counts.closed);
		break;
	}
}
