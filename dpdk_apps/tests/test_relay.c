/* Requests on their way through the relay, and how they end while the server stays. */
#include "relay_bench.h"

static void
an_answer_goes_back_as_it_is(void **state)
{
	struct bench *b = *state;
	const uint8_t data[32] = "what was read";
	struct bench_sent s;
	struct {
		struct fuse_out_header header;
		uint8_t data[sizeof(data)];
	} answer = {.header = {.len = sizeof(answer), .unique = 4}};
	uint8_t heard[BENCH_VALUE];

	memcpy(answer.data, data, sizeof(data));
	bench_ask(b, FUSE_READ, 4, NULL, 0);
	bench_turn(b, 1);
	s = bench_passed_on(b, FUSE_READ, 4);
	assert_int_equal(s.deadline, b->now + BENCH_DEADLINE);
	bench_hears_nothing(b);
	bench_end(b, &s, RPC_ANSWERED, (const uint8_t *)&answer, sizeof(answer));
	assert_int_equal(recv(b->kernel, heard, sizeof(heard), MSG_DONTWAIT), sizeof(answer));
	assert_memory_equal(heard, &answer, sizeof(answer));
	assert_int_equal(relay_counts(b->relay)->opcodes[FUSE_READ], 1);
}

static void
forget_has_no_answer(void **state)
{
	struct bench *b = *state;
	struct bench_sent s;

	bench_ask(b, FUSE_FORGET, 4, NULL, 0);
	bench_ask(b, FUSE_BATCH_FORGET, 6, NULL, 0);
	bench_turn(b, 1);
	s = bench_passed_on(b, FUSE_FORGET, 4);
	bench_end(b, &s, RPC_ANSWERED, NULL, 0);
	s = bench_passed_on(b, FUSE_BATCH_FORGET, 6);
	bench_end(b, &s, RPC_DEADLINE, NULL, 0);
	bench_hears_nothing(b);
	assert_int_equal(b->relay->requests.free_count, 4);
}

static void
what_is_no_answer_to_it_is_an_error(void **state)
{
	struct bench *b = *state;
	const struct fuse_out_header wrong[] = {
			{.len = sizeof(wrong[0]), .unique = 6},	    /* another request's */
			{.len = sizeof(wrong[0]) + 1, .unique = 4}, /* of another length */
			{.len = sizeof(wrong[0]), .unique = 0},	    /* a notification */
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct bench_sent s;

		bench_ask(b, FUSE_GETATTR, 4, NULL, 0);
		bench_turn(b, 1);
		s = bench_passed_on(b, FUSE_GETATTR, 4);
		bench_end(b, &s, RPC_ANSWERED, (const uint8_t *)&wrong[i], sizeof(wrong[i]));
		bench_hears(b, 4, EIO);
	}
	bench_ask(b, FUSE_GETATTR, 4, NULL, 0);
	bench_turn(b, 1);
	bench_end(b, &(struct bench_sent){.token = b->sent[0].token}, RPC_ANSWERED, NULL, 0);
	bench_hears(b, 4, EIO);
	assert_int_equal(relay_counts(b->relay)->bad_answer, 4);
}

static void
what_was_passed_on_ends_by_its_deadline(void **state)
{
	struct bench *b = *state;
	struct bench_sent s;

	bench_ask(b, FUSE_WRITE, 4, NULL, 0);
	bench_turn(b, 1);
	s = bench_passed_on(b, FUSE_WRITE, 4);
	bench_end(b, &s, RPC_DEADLINE, NULL, 0);
	bench_hears(b, 4, ETIMEDOUT);
	assert_int_equal(relay_counts(b->relay)->deadline, 1);
}

static void
what_cannot_be_passed_on_does_too(void **state)
{
	struct bench *b = *state;

	b->answerer.state = ANSWERER_AWAY;
	bench_ask(b, FUSE_WRITE, 4, NULL, 0);
	bench_turn(b, 1);
	bench_ask(b, FUSE_FORGET, 6, NULL, 0);
	bench_turn(b, BENCH_DEADLINE - 1);
	bench_hears_nothing(b);
	bench_turn(b, 1);
	bench_hears(b, 4, ETIMEDOUT);
	bench_turn(b, BENCH_DEADLINE);
	bench_hears_nothing(b);
	assert_int_equal(b->sent_count, 0);
	assert_int_equal(relay_counts(b->relay)->deadline_unsent, 2);
	assert_int_equal(b->relay->requests.free_count, 4);
}

static void
who_waits_is_passed_on_in_order_and_with_its_deadline(void **state)
{
	struct bench *b = *state;
	uint64_t first;

	b->answerer.state = ANSWERER_AWAY;
	bench_ask(b, FUSE_WRITE, 4, NULL, 0);
	bench_turn(b, 1);
	first = b->now + BENCH_DEADLINE;
	bench_ask(b, FUSE_READ, 6, NULL, 0);
	bench_turn(b, 100);
	b->answerer.state = ANSWERER_OPEN;
	b->refuse = -EAGAIN;
	bench_turn(b, 1);
	assert_int_equal(b->sent_count, 0);
	b->refuse = 0;
	bench_ask(b, FUSE_GETATTR, 8, NULL, 0);
	bench_turn(b, 1);
	assert_int_equal(bench_passed_on(b, FUSE_WRITE, 4).deadline, first);
	assert_int_equal(bench_passed_on(b, FUSE_READ, 6).deadline, first + 100);
	(void)bench_passed_on(b, FUSE_GETATTR, 8);
}

/* Ten applications, room for four, and a server that is silent: the last waits no longer. */
static void
who_was_not_even_read_waits_no_longer_than_others(void **state)
{
	struct bench *b = *state;

	b->answerer.state = ANSWERER_AWAY;
	for (uint64_t i = 0; i < 10; i++)
		bench_ask(b, FUSE_GETATTR, 4 + 2 * i, NULL, 0);
	bench_turn(b, 1);
	bench_turn(b, BENCH_DEADLINE - 1);
	bench_hears_nothing(b);
	bench_turn(b, 1);
	for (uint64_t i = 0; i < 10; i++) {
		uint8_t answer[BENCH_VALUE];

		assert_int_equal(recv(b->kernel, answer, sizeof(answer), MSG_DONTWAIT),
				sizeof(struct fuse_out_header));
	}
	/* The next one has all its time: /dev/fuse was empty since. */
	bench_turn(b, 3 * BENCH_DEADLINE);
	bench_ask(b, FUSE_GETATTR, 40, NULL, 0);
	bench_turn(b, 1);
	bench_turn(b, BENCH_DEADLINE - 1);
	bench_hears_nothing(b);
	bench_turn(b, 1);
	bench_hears(b, 40, ETIMEDOUT);
}

/* The same with a server that answers, but slowly: nobody fails for that. */
static void
a_slow_server_is_no_silent_one(void **state)
{
	struct bench *b = *state;

	for (uint64_t i = 0; i < 10; i++)
		bench_ask(b, FUSE_GETATTR, 4 + 2 * i, NULL, 0);
	bench_turn(b, 1);
	for (uint64_t i = 0; i < 10; i++) {
		struct bench_sent s;

		bench_turn(b, BENCH_DEADLINE / 2);
		s = bench_passed_on(b, FUSE_GETATTR, 4 + 2 * i);
		/* What was not read at first has all its time from the last answer on. */
		assert_true(s.deadline >= s.at + BENCH_DEADLINE - 2);
		bench_answer(b, &s, 0);
		bench_hears(b, 4 + 2 * i, 0);
		bench_turn(b, 1);
	}
}

static void
an_interrupt_ends_what_waits_to_be_passed_on(void **state)
{
	struct bench *b = *state;
	struct fuse_interrupt_in which = {.unique = 4};
	struct bench_sent s;

	b->answerer.state = ANSWERER_AWAY;
	bench_ask(b, FUSE_WRITE, 4, NULL, 0);
	bench_ask(b, FUSE_INTERRUPT, 5, &which, sizeof(which));
	bench_turn(b, 1);
	bench_hears(b, 4, EINTR);
	/* What is out is the server's to answer. */
	b->answerer.state = ANSWERER_OPEN;
	bench_ask(b, FUSE_WRITE, 6, NULL, 0);
	which.unique = 6;
	bench_ask(b, FUSE_INTERRUPT, 7, &which, sizeof(which));
	bench_turn(b, 1);
	s = bench_passed_on(b, FUSE_WRITE, 6);
	bench_hears_nothing(b);
	bench_answer(b, &s, ENOSPC);
	bench_hears(b, 6, ENOSPC);
	assert_int_equal(b->sent_count, 0);
}

static void
a_server_that_refuses_is_an_error(void **state)
{
	struct bench *b = *state;

	b->answerer.state = ANSWERER_AWAY;
	bench_ask(b, FUSE_READ, 4, NULL, 0);
	bench_turn(b, 1);
	b->answerer.state = ANSWERER_REFUSED;
	bench_turn(b, 1);
	bench_hears(b, 4, EIO);
	bench_ask(b, FUSE_READ, 6, NULL, 0);
	bench_turn(b, 1);
	bench_turn(b, 1);
	bench_hears(b, 6, EIO);
	assert_int_equal(relay_counts(b->relay)->refused, 2);
}

static void
ask_lock(struct bench *b, uint64_t unique)
{
	const struct fuse_lk_in lock = {.owner = unique};

	bench_ask(b, FUSE_SETLKW, unique, &lock, sizeof(lock));
	bench_turn(b, 1);
}

static void
a_lock_is_asked_for_until_it_is_free(void **state)
{
	struct bench *b = *state;
	struct bench_sent s;

	ask_lock(b, 4);
	for (int i = 0; i < 3; i++) {
		s = bench_passed_on(b, FUSE_SETLKW, 4);
		bench_answer(b, &s, EAGAIN);
		bench_turn(b, WAITING_LOCKS_MS * BENCH_MS - 1);
		assert_int_equal(b->sent_count, 0);
		assert_int_equal(b->relay->requests.free_count, 4);
		bench_turn(b, 1);
	}
	s = bench_passed_on(b, FUSE_SETLKW, 4);
	assert_int_equal(s.deadline, b->now + BENCH_DEADLINE);
	bench_hears_nothing(b);
	bench_answer(b, &s, 0);
	bench_hears(b, 4, 0);
	assert_int_equal(relay_counts(b->relay)->lock_waits, 3);
}

static void
a_lock_is_given_up_where_it_is_interrupted(void **state)
{
	struct bench *b = *state;
	struct fuse_interrupt_in which = {.unique = 4};
	struct bench_sent s;

	/* Between two questions. */
	ask_lock(b, 4);
	s = bench_passed_on(b, FUSE_SETLKW, 4);
	bench_answer(b, &s, EAGAIN);
	bench_ask(b, FUSE_INTERRUPT, 5, &which, sizeof(which));
	bench_turn(b, 1);
	bench_hears(b, 4, EINTR);
	/* During one. */
	ask_lock(b, 6);
	s = bench_passed_on(b, FUSE_SETLKW, 6);
	which.unique = 6;
	bench_ask(b, FUSE_INTERRUPT, 7, &which, sizeof(which));
	bench_turn(b, 1);
	bench_hears_nothing(b);
	bench_answer(b, &s, EAGAIN);
	bench_hears(b, 6, EINTR);
	bench_turn(b, 100 * BENCH_MS);
	assert_int_equal(b->sent_count, 0);
}

static void
an_unmounted_file_system_ends_it(void **state)
{
	struct bench *b = *state;
	struct said said;

	/* A socket whose other end is gone reads as nothing, which no kernel sends. */
	assert_int_equal(shutdown(b->kernel, SHUT_WR), 0);
	said_begin(&said);
	bench_turn(b, 1);
	assert_non_null(strstr(said_end(&said), "0 bytes"));
	assert_int_equal(b->relay->state, RELAY_FAILED);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)
	const struct CMUnitTest tests[] = {
			TEST(an_answer_goes_back_as_it_is),
			TEST(forget_has_no_answer),
			TEST(what_is_no_answer_to_it_is_an_error),
			TEST(what_was_passed_on_ends_by_its_deadline),
			TEST(what_cannot_be_passed_on_does_too),
			TEST(who_waits_is_passed_on_in_order_and_with_its_deadline),
			TEST(who_was_not_even_read_waits_no_longer_than_others),
			TEST(a_slow_server_is_no_silent_one),
			TEST(an_interrupt_ends_what_waits_to_be_passed_on),
			TEST(a_server_that_refuses_is_an_error),
			TEST(a_lock_is_asked_for_until_it_is_free),
			TEST(a_lock_is_given_up_where_it_is_interrupted),
			TEST(an_unmounted_file_system_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
