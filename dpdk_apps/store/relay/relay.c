#include "relay_internal.h"

#include <errno.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"

/* While answers are polled for, /dev/fuse is looked at so often: a look takes as long as several
 * turns over DPDK. */
#define LOOKS_PER_S 1000000
/* Where each request has its answer before the next is read, nothing waits: not for the other end,
 * and so for no deadline, and for room only beside a lock that is asked for again. */
#define AT_ONCE_DEADLINE_S 3600
#define AT_ONCE_REQUESTS 2

struct relay_config
relay_config_at_once(struct answerer *answerer, uint32_t value_max, uint64_t ticks_per_s)
{
	return (struct relay_config){
			.answerer = answerer,
			.ticks_per_s = ticks_per_s,
			.deadline = AT_ONCE_DEADLINE_S * ticks_per_s,
			.value_max = value_max,
			.requests = AT_ONCE_REQUESTS,
	};
}

struct relay *
relay_create(const struct relay_config *config)
{
	struct relay *r = calloc(1, sizeof(*r));

	if (r == NULL || requests_open(&r->requests, config->requests, config->value_max) != 0) {
		complain("no memory for %u requests: %s", config->requests, strerror(errno));
		free(r);
		return NULL;
	}
	r->config = *config;
	r->fuse = -1;
	r->deadline_due = UINT64_MAX;
	r->init.life = config->answerer->life;
	config->answerer->done = relay_done;
	config->answerer->self = r;
	return r;
}

void
relay_destroy(struct relay *r)
{
	if (r == NULL)
		return;
	requests_close(&r->requests);
	free(r);
}

const struct relay_counts *
relay_counts(const struct relay *r)
{
	return &r->counts;
}

static uint64_t
later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/*
 * When a request that is read now has to end. One that may have waited to be read since all room
 * was in use has had part of its time: while the server is silent it counts from there, so that
 * nobody waits for several deadlines one after the other, however many there are.
 */
static uint64_t
relay_deadline(const struct relay *r)
{
	uint64_t since = r->backlog ? later(r->full_since, r->answered) : r->now;

	return since + r->config.deadline;
}

void
relay_wait(struct relay *r, struct request *q)
{
	requests_wait(&r->requests, q);
	if (q->deadline < r->deadline_due)
		r->deadline_due = q->deadline;
}

/* Whether requests other than INIT may go to the server. */
static bool
may_send(const struct relay *r)
{
	return r->config.answerer->state == ANSWERER_OPEN &&
	       (r->init.state == INIT_KNOWN || r->init.state == INIT_NEW);
}

/* Passes it on; false: it is out no more, and has to wait. */
static bool
pass_on(struct relay *r, struct request *q)
{
	struct answerer *a = r->config.answerer;
	int result;

	requests_out(&r->requests, q);
	r->news = r->now;
	result = a->calls->send(
			a, requests_token(&r->requests, q), q->room, q->bytes, r->now, q->deadline);
	if (result == -EAGAIN)
		return false;
	if (result != 0)
		relay_end(r, q, EIO, &r->counts.refused);
	return true;
}

static void
send_waiting(struct relay *r)
{
	while (r->requests.waiting_count > 0 && may_send(r)) {
		struct request *q = requests_waiting(&r->requests, 0);

		if (pass_on(r, q))
			continue;
		requests_wait_first(&r->requests, q);
		return;
	}
}

/* A server that was started anew hears INIT before anything else. */
static void
say_init_again(struct relay *r)
{
	struct answerer *a = r->config.answerer;

	init_notice(&r->init, a->life);
	if (r->init.state != INIT_AGAIN || a->state != ANSWERER_OPEN)
		return;
	r->init.state = INIT_OUT;
	r->news = r->now;
	if (a->calls->send(a, relay_init_token(r), r->init.request, r->init.request_bytes, r->now,
			    r->now + r->config.deadline) != 0)
		r->init.state = INIT_AGAIN;
	else
		r->counts.inits++;
}

/* What waits and cannot be passed on any more, or not in time, ends. */
static void
end_waiting(struct relay *r)
{
	bool refused = r->config.answerer->state == ANSWERER_REFUSED ||
		       r->init.state == INIT_DIFFERS;

	if (!refused && r->now < r->deadline_due)
		return;
	for (uint32_t i = r->requests.waiting_count; i-- > 0;) {
		struct request *q = requests_waiting(&r->requests, i);

		if (refused)
			relay_end(r, q, EIO, &r->counts.refused);
		else if (r->now >= q->deadline)
			relay_end(r, q, ETIMEDOUT, &r->counts.deadline_unsent);
	}
	r->deadline_due = requests_deadline(&r->requests);
}

/* A request that was just read, or is asked again. */
static void
begin(struct relay *r, struct request *q, uint64_t deadline)
{
	struct fuse_in_header header;

	memcpy(&header, q->room, sizeof(header));
	q->opcode = header.opcode;
	q->unique = header.unique;
	q->deadline = deadline;
	if (r->requests.free_count == 0 && !r->backlog) {
		r->backlog = true;
		r->full_since = r->now;
	}
	if (r->requests.waiting_count == 0 && may_send(r) && r->now < deadline && pass_on(r, q))
		return;
	relay_wait(r, q);
}

/* Every lock that is waited for is asked for again, as far as there is room. */
static void
ask_for_locks(struct relay *r)
{
	size_t left = r->locks.count;

	if (left == 0 || r->now < r->locks_due)
		return;
	r->locks_due = r->now + r->config.ticks_per_s / 1000 * WAITING_LOCKS_MS;
	for (; left > 0 && may_send(r); left--) {
		struct request *q = requests_take(&r->requests);

		if (q == NULL)
			return;
		memcpy(q->room, r->locks.requests[0], WAITING_LOCK_BYTES);
		q->bytes = WAITING_LOCK_BYTES;
		(void)waiting_locks_take(&r->locks,
				((const struct fuse_in_header *)(const void *)q->room)->unique);
		begin(r, q, r->now + r->config.deadline);
	}
}

/* The kernel wants a request to end. Only what waits on this side can: the server waits in none. */
static void
interrupt(struct relay *r, struct request *by)
{
	struct fuse_interrupt_in which = {0};
	struct request *q;

	if (by->bytes >= sizeof(struct fuse_in_header) + sizeof(which))
		memcpy(&which, by->room + sizeof(struct fuse_in_header), sizeof(which));
	requests_free(&r->requests, by);
	r->counts.interrupts++;
	if (waiting_locks_take(&r->locks, which.unique)) {
		r->counts.interrupted++;
		relay_answer_error(r, which.unique, EINTR);
		return;
	}
	q = requests_find(&r->requests, which.unique);
	if (q != NULL && q->state == REQUEST_WAITS)
		relay_end(r, q, EINTR, &r->counts.interrupted);
	else if (q != NULL)
		q->interrupted = true; /* so that it is not asked again */
}

static void
count(struct relay *r, uint32_t opcode)
{
	r->counts.read++;
	if (opcode_name(opcode) != NULL)
		r->counts.opcodes[opcode]++;
	else
		r->counts.opcodes_unknown++;
}

static void
take_request(struct relay *r, struct request *q)
{
	uint32_t opcode = ((const struct fuse_in_header *)(const void *)q->room)->opcode;

	count(r, opcode);
	if (opcode == FUSE_INTERRUPT)
		interrupt(r, q);
	else
		begin(r, q, relay_deadline(r));
}

/* Looks at /dev/fuse. */
static void
look(struct relay *r)
{
	struct request *q = requests_take(&r->requests);

	if (q == NULL)
		return;
	switch (kernel_read(r->fuse, q->room, r->requests.room, &q->bytes)) {
	case KERNEL_REQUEST:
		take_request(r, q);
		return;
	case KERNEL_NOTHING:
		r->backlog = false;
		r->look_due = r->now + r->config.ticks_per_s / LOOKS_PER_S;
		break;
	case KERNEL_AGAIN:
		break;
	case KERNEL_GONE:
		r->state = RELAY_GONE;
		break;
	case KERNEL_FAILED:
		r->state = RELAY_FAILED;
		break;
	}
	requests_free(&r->requests, q);
}

void
relay_turn(struct relay *r, uint64_t now)
{
	struct answerer *a = r->config.answerer;

	r->now = now;
	r->due = a->calls->poll(a, now);
	say_init_again(r);
	end_waiting(r);
	send_waiting(r);
	ask_for_locks(r);
	if (now >= r->look_due || r->backlog)
		look(r);
}
