/* A relay between a kernel and a server that are both the test: requests are put into a socket in
 * place of /dev/fuse, and what is passed on is noted until the test lets it end. */
#ifndef TESTS_RELAY_BENCH_H
#define TESTS_RELAY_BENCH_H

#include "unit.h"

#include <errno.h>
#include <linux/fuse.h>
#include <sys/socket.h>

#include "relay_internal.h"
#include "said.h"

#define BENCH_MS 1000u /* a tick is a microsecond */
#define BENCH_DEADLINE (5000 * BENCH_MS)
#define BENCH_VALUE 8192
#define BENCH_WRITE 4096
#define BENCH_SENT 64

struct bench_sent {
	uint64_t token, at, deadline, unique;
	uint32_t opcode;
};

struct bench {
	struct answerer answerer; /* first */
	struct relay *relay;
	int kernel; /* the kernel's end */
	uint64_t now;
	struct bench_sent sent[BENCH_SENT]; /* all that was passed on and not looked at */
	uint32_t sent_count;
	int refuse; /* what send() returns instead */
};

static inline int
bench_send(struct answerer *a, uint64_t token, const uint8_t *request, uint32_t bytes, uint64_t now,
		uint64_t deadline)
{
	struct bench *b = (struct bench *)a;
	struct fuse_in_header header;

	assert_int_equal(now, b->now);
	assert_true(bytes >= sizeof(header) && b->sent_count < BENCH_SENT);
	if (b->refuse != 0)
		return b->refuse;
	memcpy(&header, request, sizeof(header));
	assert_int_equal(header.len, bytes);
	b->sent[b->sent_count++] = (struct bench_sent){.token = token,
			.at = now,
			.deadline = deadline,
			.unique = header.unique,
			.opcode = header.opcode};
	a->out++;
	return 0;
}

static inline uint64_t
bench_poll(struct answerer *a, uint64_t now)
{
	(void)a;
	(void)now;
	return UINT64_MAX;
}

/* Time goes on by `ticks`, and the relay has turns until it has nothing to do. */
static inline void
bench_turn(struct bench *b, uint64_t ticks)
{
	b->now += ticks;
	for (int i = 0; i < 64; i++) {
		b->relay->look_due = 0;
		relay_turn(b->relay, b->now);
	}
}

/* The kernel asks. */
static inline void
bench_ask(struct bench *b, uint32_t opcode, uint64_t unique, const void *arguments, size_t bytes)
{
	uint8_t request[BENCH_VALUE];
	const struct fuse_in_header header = {.len = (uint32_t)(sizeof(header) + bytes),
			.opcode = opcode,
			.unique = unique};

	memcpy(request, &header, sizeof(header));
	if (bytes > 0)
		memcpy(request + sizeof(header), arguments, bytes);
	assert_int_equal(send(b->kernel, request, header.len, 0), header.len);
}

/* The next request that was passed on is this one. */
static inline struct bench_sent
bench_passed_on(struct bench *b, uint32_t opcode, uint64_t unique)
{
	struct bench_sent first = b->sent[0];

	assert_true(b->sent_count > 0);
	memmove(&b->sent[0], &b->sent[1], --b->sent_count * sizeof(first));
	assert_int_equal(first.opcode, opcode);
	assert_int_equal(first.unique, unique);
	return first;
}

static inline void
bench_end(struct bench *b, const struct bench_sent *s, enum rpc_outcome outcome, const void *answer,
		uint32_t bytes)
{
	b->answerer.out--;
	b->answerer.done(b->answerer.self, s->token, outcome, answer, bytes);
}

/* The server answers with an error (0: none) and nothing else. */
static inline void
bench_answer(struct bench *b, const struct bench_sent *s, int error)
{
	const struct fuse_out_header header = {
			.len = sizeof(header), .error = -error, .unique = s->unique};

	bench_end(b, s, RPC_ANSWERED, &header, sizeof(header));
}

/* The kernel hears this about the request, and nothing before. */
static inline void
bench_hears(struct bench *b, uint64_t unique, int error)
{
	uint8_t answer[BENCH_VALUE];
	struct fuse_out_header header;
	ssize_t got = recv(b->kernel, answer, sizeof(answer), MSG_DONTWAIT);

	assert_true(got >= (ssize_t)sizeof(header));
	memcpy(&header, answer, sizeof(header));
	assert_int_equal(header.len, got);
	assert_int_equal(header.unique, unique);
	assert_int_equal(-header.error, error);
}

static inline void
bench_hears_nothing(struct bench *b)
{
	uint8_t byte;

	assert_int_equal(recv(b->kernel, &byte, 1, MSG_DONTWAIT), -1);
}

struct bench_init {
	struct fuse_out_header header;
	struct fuse_init_out out;
};

static inline struct bench_init
bench_init_answer(uint64_t unique, uint32_t max_write)
{
	return (struct bench_init){.header = {.len = sizeof(struct bench_init), .unique = unique},
			.out = {.major = 7,
					.minor = 31,
					.flags = FUSE_MAX_PAGES,
					.max_write = max_write,
					.max_pages = 1}};
}

#define BENCH_INIT 2 /* the kernel's number of its INIT */

static inline void
bench_ask_init(struct bench *b)
{
	const struct fuse_init_in in = {.major = 7, .minor = 45};

	bench_ask(b, FUSE_INIT, BENCH_INIT, &in, sizeof(in));
	bench_turn(b, 1);
}

/* The server agrees to INIT, be it the kernel's or one that is said again. */
static inline void
bench_agree(struct bench *b, uint32_t max_write)
{
	const struct bench_sent s = bench_passed_on(b, FUSE_INIT, BENCH_INIT);
	const struct bench_init answer = bench_init_answer(BENCH_INIT, max_write);

	bench_end(b, &s, RPC_ANSWERED, &answer, sizeof(answer));
}

/* A relay with room for `requests`; nothing is said yet. */
static inline struct bench *
bench_make(uint32_t requests)
{
	static const struct answerer_calls calls = {.send = bench_send, .poll = bench_poll};
	struct bench *b = calloc(1, sizeof(*b));
	const struct relay_config config = {.answerer = &b->answerer,
			.ticks_per_s = 1000 * BENCH_MS,
			.deadline = BENCH_DEADLINE,
			.value_max = BENCH_VALUE,
			.requests = requests};
	int ends[2];

	assert_non_null(b);
	b->answerer.calls = &calls;
	b->answerer.state = ANSWERER_OPEN;
	b->now = 1;
	b->relay = relay_create(&config);
	assert_non_null(b->relay);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends), 0);
	b->relay->fuse = ends[0];
	b->kernel = ends[1];
	return b;
}

/* The same, and INIT is agreed on. */
static inline struct bench *
bench_make_known(uint32_t requests)
{
	struct bench *b = bench_make(requests);

	bench_ask_init(b);
	bench_agree(b, BENCH_WRITE);
	bench_hears(b, BENCH_INIT, 0);
	return b;
}

/* Another server is there: what was out ended, as far as the test says so. */
static inline void
bench_restart(struct bench *b)
{
	b->answerer.life++;
	b->answerer.state = ANSWERER_OPEN;
}

static inline void
bench_close(struct bench *b)
{
	assert_int_equal(close(b->kernel), 0);
	assert_int_equal(close(b->relay->fuse), 0);
	relay_destroy(b->relay);
	free(b);
}

/* All that was read has ended, or is held. */
static inline void
bench_balances(const struct bench *b)
{
	const struct relay_counts *c = relay_counts(b->relay);
	uint64_t held = b->relay->requests.most - b->relay->requests.free_count +
			b->relay->locks.count;

	assert_int_equal(c->read, c->answered + c->unanswered + c->deadline + c->deadline_unsent +
						  c->restarted + c->refused + c->bad_answer +
						  c->interrupted + c->interrupts + c->closed +
						  held);
}

static inline int
bench_set_up(void **state)
{
	*state = bench_make_known(4);
	return 0;
}

static inline int
bench_tear_down(void **state)
{
	bench_balances(*state);
	bench_close(*state);
	return 0;
}

#endif
