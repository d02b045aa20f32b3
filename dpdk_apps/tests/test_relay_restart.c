/* What the relay does when the server was started anew: INIT first, reads again, changes never. */
#include "relay_bench.h"

#include <fcntl.h>

static void
an_init_that_permits_too_much_is_refused(void **state)
{
	struct bench *b = bench_make(4);
	struct said said;

	(void)state;
	bench_ask_init(b);
	said_begin(&said);
	bench_agree(b, BENCH_VALUE);
	assert_non_null(strstr(said_end(&said), "max_write 8192"));
	assert_int_equal(b->relay->state, RELAY_FAILED);
	bench_hears(b, BENCH_INIT, EIO);
	bench_balances(b);
	bench_close(b);
}

static void
an_init_that_failed_is_refused(void **state)
{
	struct bench *b = bench_make(4);
	struct said said;
	struct bench_sent s;

	(void)state;
	bench_ask_init(b);
	s = bench_passed_on(b, FUSE_INIT, BENCH_INIT);
	said_begin(&said);
	bench_answer(b, &s, ENOTCONN);
	assert_non_null(strstr(said_end(&said), "does not take the kernel's INIT"));
	assert_int_equal(b->relay->state, RELAY_FAILED);
	bench_close(b);
}

static void
an_init_without_an_answer_is_the_end(void **state)
{
	struct bench *b = bench_make(4);
	struct said said;
	struct bench_sent s;

	(void)state;
	bench_ask_init(b);
	s = bench_passed_on(b, FUSE_INIT, BENCH_INIT);
	said_begin(&said);
	bench_end(b, &s, RPC_DEADLINE, NULL, 0);
	assert_non_null(strstr(said_end(&said), "see that the server serves files"));
	assert_int_equal(b->relay->state, RELAY_FAILED);
	bench_hears(b, BENCH_INIT, ETIMEDOUT);
	bench_close(b);
}

static void
the_kernels_own_init_is_passed_on_again(void **state)
{
	struct bench *b = bench_make(4);
	struct bench_sent s;

	(void)state;
	bench_ask_init(b);
	s = bench_passed_on(b, FUSE_INIT, BENCH_INIT);
	bench_restart(b);
	bench_end(b, &s, RPC_RESTARTED, NULL, 0);
	bench_turn(b, 1);
	bench_agree(b, BENCH_WRITE);
	bench_hears(b, BENCH_INIT, 0);
	bench_turn(b, 1);
	assert_int_equal(b->sent_count, 0);
	assert_int_equal(relay_counts(b->relay)->inits, 0);
	bench_close(b);
}

static void
init_is_said_again_before_anything_else(void **state)
{
	struct bench *b = *state;
	struct bench_sent s;

	bench_restart(b);
	bench_ask(b, FUSE_WRITE, 4, NULL, 0);
	bench_turn(b, 1);
	s = b->sent[0];
	bench_agree(b, BENCH_WRITE);
	assert_int_equal(b->sent_count, 0);
	assert_int_equal(s.deadline, b->now + BENCH_DEADLINE);
	/* The kernel hears of it nothing. */
	bench_hears_nothing(b);
	bench_turn(b, 1);
	s = bench_passed_on(b, FUSE_WRITE, 4);
	bench_answer(b, &s, 0);
	bench_hears(b, 4, 0);
	assert_int_equal(relay_counts(b->relay)->inits, 1);
}

static void
an_idle_mount_says_it_as_well(void **state)
{
	struct bench *b = *state;

	bench_restart(b);
	b->answerer.state = ANSWERER_AWAY;
	bench_turn(b, 1);
	assert_int_equal(b->sent_count, 0);
	b->answerer.state = ANSWERER_OPEN;
	bench_turn(b, 1);
	bench_agree(b, BENCH_WRITE);
	assert_int_equal(b->relay->init.state, INIT_KNOWN);
}

static void
an_init_that_is_lost_is_said_again(void **state)
{
	struct bench *b = *state;
	struct bench_sent s;

	bench_restart(b);
	bench_turn(b, 1);
	s = bench_passed_on(b, FUSE_INIT, BENCH_INIT);
	bench_end(b, &s, RPC_DEADLINE, NULL, 0);
	bench_turn(b, 1);
	s = bench_passed_on(b, FUSE_INIT, BENCH_INIT);
	/* And once more to the next server. */
	bench_restart(b);
	bench_end(b, &s, RPC_RESTARTED, NULL, 0);
	bench_turn(b, 1);
	bench_agree(b, BENCH_WRITE);
	assert_int_equal(b->relay->init.state, INIT_KNOWN);
}

/* Passes one on and lets the server end meanwhile. Whether it is passed on to the next. */
static bool
is_repeated(struct bench *b, uint32_t opcode, const void *arguments, size_t bytes)
{
	struct bench_sent before, after;

	bench_ask(b, opcode, 4, arguments, bytes);
	bench_turn(b, 1);
	before = bench_passed_on(b, opcode, 4);
	bench_restart(b);
	bench_end(b, &before, RPC_RESTARTED, NULL, 0);
	bench_turn(b, 10);
	bench_agree(b, BENCH_WRITE);
	bench_turn(b, 1);
	if (b->sent_count == 0)
		return false;
	after = bench_passed_on(b, opcode, 4);
	assert_int_equal(after.deadline, before.deadline);
	bench_answer(b, &after, 0);
	bench_hears(b, 4, 0);
	return true;
}

static void
what_only_reads_is_passed_on_again(void **state)
{
	static const uint32_t reads[] = {FUSE_LOOKUP, FUSE_GETATTR, FUSE_READLINK, FUSE_READ,
			FUSE_STATFS, FUSE_GETXATTR, FUSE_LISTXATTR, FUSE_OPENDIR, FUSE_READDIR,
			FUSE_READDIRPLUS, FUSE_ACCESS, FUSE_LSEEK, FUSE_GETLK};
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++)
		assert_true(is_repeated(b, reads[i], NULL, 0));
	assert_int_equal(relay_counts(b->relay)->repeated, sizeof(reads) / sizeof(reads[0]));
}

static void
what_is_the_same_twice_is_passed_on_again(void **state)
{
	static const uint32_t same[] = {FUSE_FSYNC, FUSE_FSYNCDIR, FUSE_FLUSH, FUSE_RELEASE,
			FUSE_RELEASEDIR, FUSE_SETLK, FUSE_SETLKW};
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		assert_true(is_repeated(b, same[i], NULL, 0));
}

static void
what_may_have_changed_something_is_an_error(void **state)
{
	static const uint32_t changes[] = {FUSE_WRITE, FUSE_SETATTR, FUSE_SYMLINK, FUSE_MKNOD,
			FUSE_MKDIR, FUSE_UNLINK, FUSE_RMDIR, FUSE_RENAME, FUSE_RENAME2, FUSE_LINK,
			FUSE_CREATE, FUSE_SETXATTR, FUSE_REMOVEXATTR, FUSE_FALLOCATE,
			FUSE_COPY_FILE_RANGE, FUSE_IOCTL, 60, 4096};
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		assert_false(is_repeated(b, changes[i], NULL, 0));
		bench_hears(b, 4, EIO);
	}
	assert_int_equal(relay_counts(b->relay)->restarted, sizeof(changes) / sizeof(changes[0]));
}

static void
an_open_is_judged_by_its_flags(void **state)
{
	struct fuse_open_in in = {.flags = O_RDWR | O_APPEND};
	struct bench *b = *state;

	assert_true(is_repeated(b, FUSE_OPEN, &in, sizeof(in)));
	in.flags = O_WRONLY | O_TRUNC;
	assert_false(is_repeated(b, FUSE_OPEN, &in, sizeof(in)));
	bench_hears(b, 4, EIO);
	assert_false(is_repeated(b, FUSE_OPEN, NULL, 0));
	bench_hears(b, 4, EIO);
}

static void
forget_is_not_said_twice(void **state)
{
	struct bench *b = *state;

	assert_false(is_repeated(b, FUSE_FORGET, NULL, 0));
	assert_false(is_repeated(b, FUSE_BATCH_FORGET, NULL, 0));
	bench_hears_nothing(b);
	assert_int_equal(b->relay->requests.free_count, 4);
}

static void
a_repeated_request_keeps_its_deadline(void **state)
{
	struct bench *b = *state;
	struct bench_sent s;

	bench_ask(b, FUSE_READ, 4, NULL, 0);
	bench_turn(b, 1);
	s = bench_passed_on(b, FUSE_READ, 4);
	bench_turn(b, BENCH_DEADLINE / 2);
	b->answerer.life++;
	b->answerer.state = ANSWERER_AWAY;
	bench_end(b, &s, RPC_RESTARTED, NULL, 0);
	bench_turn(b, BENCH_DEADLINE / 2 - 1);
	bench_hears_nothing(b);
	bench_turn(b, 1);
	bench_hears(b, 4, ETIMEDOUT);
}

/* A request that a server did not carry out since it knew no INIT. */
static void
a_server_without_init_hears_it_and_the_request_again(void **state)
{
	struct bench *b = *state;
	struct bench_sent s;

	bench_ask(b, FUSE_WRITE, 4, NULL, 0);
	bench_turn(b, 1);
	s = bench_passed_on(b, FUSE_WRITE, 4);
	bench_answer(b, &s, ENOTCONN);
	bench_turn(b, 1);
	bench_agree(b, BENCH_WRITE);
	bench_turn(b, 1);
	s = bench_passed_on(b, FUSE_WRITE, 4);
	bench_answer(b, &s, 0);
	bench_hears(b, 4, 0);
	assert_int_equal(relay_counts(b->relay)->strangers, 1);
}

static void
but_not_for_ever(void **state)
{
	struct bench *b = *state;
	struct bench_sent s;

	bench_ask(b, FUSE_WRITE, 4, NULL, 0);
	bench_turn(b, 1);
	for (int i = 0; i < 3; i++) {
		s = bench_passed_on(b, FUSE_WRITE, 4);
		bench_answer(b, &s, ENOTCONN);
		bench_turn(b, 1);
		bench_agree(b, BENCH_WRITE);
		bench_turn(b, 1);
	}
	s = bench_passed_on(b, FUSE_WRITE, 4);
	bench_answer(b, &s, ENOTCONN);
	bench_hears(b, 4, ENOTCONN);
}

static void
a_server_that_agrees_to_something_else_serves_nobody(void **state)
{
	struct bench *b = *state;
	struct said said;

	bench_restart(b);
	bench_ask(b, FUSE_READ, 4, NULL, 0);
	bench_turn(b, 1);
	said_begin(&said);
	bench_agree(b, BENCH_WRITE / 2);
	assert_non_null(strstr(said_end(&said), "max_write 2048; before: 0, 0x400000, 4096"));
	bench_turn(b, 1);
	bench_hears(b, 4, EIO);
	bench_ask(b, FUSE_READ, 6, NULL, 0);
	bench_turn(b, 1);
	bench_hears(b, 6, EIO);
	assert_int_equal(b->sent_count, 0);
	/* One that agrees as before does. */
	bench_restart(b);
	bench_ask(b, FUSE_READ, 8, NULL, 0);
	bench_turn(b, 1);
	bench_agree(b, BENCH_WRITE);
	bench_turn(b, 1);
	(void)bench_passed_on(b, FUSE_READ, 8);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(an_init_that_permits_too_much_is_refused),
			cmocka_unit_test(an_init_that_failed_is_refused),
			cmocka_unit_test(an_init_without_an_answer_is_the_end),
			cmocka_unit_test(the_kernels_own_init_is_passed_on_again),
			TEST(init_is_said_again_before_anything_else),
			TEST(an_idle_mount_says_it_as_well),
			TEST(an_init_that_is_lost_is_said_again),
			TEST(what_only_reads_is_passed_on_again),
			TEST(what_is_the_same_twice_is_passed_on_again),
			TEST(what_may_have_changed_something_is_an_error),
			TEST(an_open_is_judged_by_its_flags),
			TEST(forget_is_not_said_twice),
			TEST(a_repeated_request_keeps_its_deadline),
			TEST(a_server_without_init_hears_it_and_the_request_again),
			TEST(but_not_for_ever),
			TEST(a_server_that_agrees_to_something_else_serves_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
