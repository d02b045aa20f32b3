#include "unit.h"

#include <errno.h>
#include <fcntl.h>

#include "locks.h"

#define ROOM 8

static const struct file_id file = {.type = 1, .bytes = 8, .data = {7}};
static const struct file_id other_file = {.type = 1, .bytes = 8, .data = {8}};
static const struct lock_holder ann = {.client = 1, .owner = 10};
static const struct lock_holder bob = {.client = 2, .owner = 10};
static const struct lock_holder bob_whole = {.client = 2, .owner = 10, .whole_file = true};

static int
set_up(void **state)
{
	*state = locks_open(ROOM);
	return *state != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	locks_close(*state);
	return 0;
}

static int
set(void **state, const struct lock_holder *who, int type, uint64_t start, uint64_t end)
{
	struct lock_range range = {.start = start, .end = end, .type = type};

	return locks_set(*state, &file, who, &range);
}

/* Whether somebody else's lock keeps `who` from writing the byte. */
static bool
kept_from(void **state, const struct lock_holder *who, uint64_t byte)
{
	struct lock_range range = {.start = byte, .end = byte, .type = F_WRLCK};

	return locks_find(*state, &file, who, &range).type != F_UNLCK;
}

static void
readers_share_and_a_writer_does_not(void **state)
{
	assert_int_equal(set(state, &ann, F_RDLCK, 0, 9), 0);
	assert_int_equal(set(state, &bob, F_RDLCK, 0, 9), 0);
	assert_int_equal(set(state, &bob, F_WRLCK, 5, 5), EAGAIN);
	assert_int_equal(set(state, &bob, F_WRLCK, 10, 19), 0);
	assert_int_equal(set(state, &ann, F_RDLCK, 9, 10), EAGAIN);
}

static void
the_same_owner_of_two_clients_is_two(void **state)
{
	assert_int_equal(set(state, &ann, F_WRLCK, 0, INT64_MAX), 0);
	assert_true(kept_from(state, &bob, 0));
	assert_false(kept_from(state, &ann, 0));
}

static void
giving_back_the_middle_leaves_both_ends(void **state)
{
	assert_int_equal(set(state, &ann, F_WRLCK, 0, 99), 0);
	assert_int_equal(set(state, &ann, F_UNLCK, 40, 59), 0);
	for (uint64_t byte = 0; byte < 110; byte++)
		assert_int_equal(kept_from(state, &bob, byte),
				byte < 100 && (byte < 40 || byte > 59));
}

static void
a_holder_changes_its_own_lock(void **state)
{
	assert_int_equal(set(state, &ann, F_WRLCK, 0, 99), 0);
	assert_int_equal(set(state, &ann, F_RDLCK, 20, 29), 0);
	assert_int_equal(set(state, &bob, F_RDLCK, 20, 29), 0);
	assert_int_equal(set(state, &bob, F_RDLCK, 19, 19), EAGAIN);
	assert_int_equal(set(state, &bob, F_RDLCK, 30, 30), EAGAIN);
	assert_int_equal(set(state, &ann, F_WRLCK, 0, 99), EAGAIN);
}

static void
whole_files_and_ranges_do_not_meet(void **state)
{
	struct lock_range range = {.end = INT64_MAX, .type = F_WRLCK};

	assert_int_equal(set(state, &ann, F_WRLCK, 0, INT64_MAX), 0);
	assert_int_equal(locks_set(*state, &file, &bob_whole, &range), 0);
	assert_int_equal(locks_set(*state, &other_file, &bob, &range), 0);
}

static void
what_does_not_fit_changes_nothing(void **state)
{
	uint64_t at = 0;

	while (set(state, &ann, F_WRLCK, at, at + 4) == 0)
		at += 10;
	assert_int_equal(set(state, &ann, F_WRLCK, at, at + 4), ENOLCK);
	assert_int_equal(at, (ROOM - 1) * 10);
	for (uint64_t byte = 0; byte < at; byte++)
		assert_int_equal(kept_from(state, &bob, byte), byte % 10 < 5);
	/* All can always be given back. */
	assert_int_equal(set(state, &ann, F_UNLCK, 0, INT64_MAX), 0);
	for (uint64_t byte = 0; byte < at; byte++)
		assert_false(kept_from(state, &bob, byte));
	for (at = 0; at < ROOM - 1; at++)
		assert_int_equal(set(state, &ann, F_WRLCK, at * 10, at * 10), 0);
}

static void
a_client_that_is_gone_holds_nothing(void **state)
{
	assert_int_equal(set(state, &ann, F_WRLCK, 0, 9), 0);
	assert_int_equal(set(state, &bob, F_WRLCK, 10, 19), 0);
	locks_leave(*state, ann.client);
	assert_false(kept_from(state, &bob, 0));
	assert_true(kept_from(state, &ann, 10));
}

/* Against a plain array of bytes, over many random steps. */
static void
as_a_map_of_bytes_says(void **state)
{
	int map[2][32] = {{0}};
	uint64_t random = 1;

	locks_close(*state);
	*state = locks_open(128); /* more than there are bytes: none is refused for want of room */
	for (int step = 0; step < 20000; step++) {
		uint64_t start, end;
		int who, type, expected = 0, got;

		random = random * 6364136223846793005u + 1442695040888963407u;
		start = random >> 33 & 31;
		end = start + (random >> 40 & 7);
		end = end > 31 ? 31 : end;
		who = random >> 50 & 1;
		type = (int[]){F_UNLCK, F_RDLCK, F_WRLCK, F_UNLCK}[random >> 55 & 3];
		for (uint64_t at = start; at <= end; at++)
			if (type != F_UNLCK && map[!who][at] != 0 &&
					(type == F_WRLCK || map[!who][at] == F_WRLCK + 1))
				expected = EAGAIN;
		got = set(state, who == 0 ? &ann : &bob, type, start, end);
		assert_int_equal(got, expected);
		for (uint64_t at = start; got == 0 && at <= end; at++)
			map[who][at] = type == F_UNLCK ? 0 : type + 1;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test_setup_teardown(
					readers_share_and_a_writer_does_not, set_up, tear_down),
			cmocka_unit_test_setup_teardown(
					the_same_owner_of_two_clients_is_two, set_up, tear_down),
			cmocka_unit_test_setup_teardown(
					giving_back_the_middle_leaves_both_ends, set_up, tear_down),
			cmocka_unit_test_setup_teardown(
					a_holder_changes_its_own_lock, set_up, tear_down),
			cmocka_unit_test_setup_teardown(
					whole_files_and_ranges_do_not_meet, set_up, tear_down),
			cmocka_unit_test_setup_teardown(
					what_does_not_fit_changes_nothing, set_up, tear_down),
			cmocka_unit_test_setup_teardown(
					a_client_that_is_gone_holds_nothing, set_up, tear_down),
			cmocka_unit_test_setup_teardown(as_a_map_of_bytes_says, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
