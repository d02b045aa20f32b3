#include "serving.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lifecycle.h"
#include "waiting_locks.h"

/* The only client. */
#define CLIENT 1
/* How long applications that still use the mount are served once it was asked to end. */
#define LEAVE_MS 3000
/* After so many requests in a row, locks that are waited for are asked for as well. */
#define ASK_AGAIN_EVERY 64

struct server {
	int fuse;
	struct executor *executor;
	struct waiting_locks waiting;
	uint32_t served;
	_Alignas(8) uint8_t in[EXECUTOR_REQUEST_MAX];
	_Alignas(8) uint8_t out[EXECUTOR_ANSWER_MAX];
};

enum turn { TURN_SERVED, TURN_IDLE, TURN_GONE, TURN_FAILED };

/* 0, or -1 after one clear line. */
static int
answer(const struct server *v, const void *bytes, size_t count)
{
	/* ENOENT: interrupted meanwhile, nobody waits for it. ENODEV: unmounted. */
	if (write(v->fuse, bytes, count) == (ssize_t)count || errno == ENOENT || errno == ENODEV)
		return 0;
	complain("the kernel takes no answer of %zu bytes: %s", count, strerror(errno));
	return -1;
}

static int
answer_error(const struct server *v, uint64_t unique, int error)
{
	struct fuse_out_header header = {.len = sizeof(header), .error = -error, .unique = unique};

	return answer(v, &header, sizeof(header));
}

/* Whether the interrupted request was one that waits; it ends then. */
static int
interrupt(struct server *v)
{
	const struct fuse_interrupt_in *which =
			(const void *)(v->in + sizeof(struct fuse_in_header));

	return waiting_locks_take(&v->waiting, which->unique)
			       ? answer_error(v, which->unique, EINTR)
			       : 0;
}

static int
carry_out(struct server *v, const uint8_t *in, size_t in_bytes)
{
	const struct fuse_out_header *header = (const void *)v->out;
	size_t bytes = executor_run(v->executor, CLIENT, in, in_bytes, v->out, sizeof(v->out));

	if (bytes == 0 || waiting_locks_keep(&v->waiting, in, in_bytes, header->error))
		return 0;
	return answer(v, v->out, bytes);
}

/* Asks again for each lock that is waited for. */
static int
ask_again(struct server *v)
{
	_Alignas(8) uint8_t request[WAITING_LOCK_BYTES];
	const struct fuse_in_header *header = (const void *)request;

	for (size_t left = v->waiting.count; left > 0; left--) {
		memcpy(request, v->waiting.requests[0], sizeof(request));
		(void)waiting_locks_take(&v->waiting, header->unique);
		if (carry_out(v, request, sizeof(request)) != 0)
			return -1;
	}
	return 0;
}

static enum turn
take_request(struct server *v)
{
	ssize_t got = read(v->fuse, v->in, sizeof(v->in));
	int result;

	if (got < 0) {
		if (errno == EAGAIN)
			return TURN_IDLE;
		/* ENOENT: the request was interrupted before it was read. */
		if (errno == EINTR || errno == ENOENT)
			return TURN_SERVED;
		if (errno == ENODEV)
			return TURN_GONE;
		complain("cannot read requests: %s", strerror(errno));
		return TURN_FAILED;
	}
	if (((const struct fuse_in_header *)(const void *)v->in)->opcode == FUSE_INTERRUPT)
		result = interrupt(v);
	else
		result = carry_out(v, v->in, (size_t)got);
	return result == 0 ? TURN_SERVED : TURN_FAILED;
}

/* Sleeps until there is a request, a signal or a lock to ask for. 0, or -1 after one line. */
static int
wait_for_work(struct server *v, bool stop_wanted)
{
	struct pollfd wanted[2] = {{.fd = v->fuse, .events = POLLIN},
			{.fd = stop_wanted ? lifecycle_stop_fd() : -1, .events = POLLIN}};
	int timeout = v->waiting.count > 0 || !stop_wanted ? WAITING_LOCKS_MS : -1;

	if (poll(wanted, 2, timeout) < 0 && errno != EINTR) {
		complain("cannot wait for requests: %s", strerror(errno));
		return -1;
	}
	return 0;
}

static int64_t
now_ms(void)
{
	struct timespec now;

	return clock_gettime(CLOCK_MONOTONIC, &now) == 0
			       ? (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000
			       : 0;
}

/* A request, or what there is to do when none came. */
static enum turn
take_turn(struct server *v, bool stop_wanted)
{
	enum turn turn = take_request(v);

	if (turn == TURN_IDLE && wait_for_work(v, stop_wanted) != 0)
		return TURN_FAILED;
	/* Who waits for a lock is not forgotten while others keep the server busy. */
	if ((turn == TURN_IDLE || (turn == TURN_SERVED && ++v->served % ASK_AGAIN_EVERY == 0)) &&
			ask_again(v) != 0)
		return TURN_FAILED;
	return turn;
}

/* Until the file system is gone, or those that use it had their time. */
static enum turn
serve_until_gone(struct server *v)
{
	int64_t end = now_ms() + LEAVE_MS;
	enum turn turn = TURN_SERVED;

	while ((turn == TURN_SERVED || turn == TURN_IDLE) && now_ms() < end)
		turn = take_turn(v, false);
	return turn;
}

int
serve(struct mounting *m, struct executor *e)
{
	struct server *v = calloc(1, sizeof(*v));
	enum turn turn = TURN_SERVED;

	if (v == NULL) {
		complain("out of memory");
		return -1;
	}
	v->fuse = m->fuse;
	v->executor = e;
	while (!lifecycle_stopping() && (turn == TURN_SERVED || turn == TURN_IDLE))
		turn = take_turn(v, true);
	/* Unmounting may write what is left in the client's page cache: it is still served. */
	mounting_leave(m);
	if (turn == TURN_SERVED || turn == TURN_IDLE)
		turn = serve_until_gone(v);
	free(v);
	return turn != TURN_FAILED ? 0 : -1;
}
