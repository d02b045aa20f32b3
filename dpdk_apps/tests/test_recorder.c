#include "unit.h"

#include <errno.h>
#include <math.h>

#include "clock.h"
#include "recorder.h"

#define LOST UINT32_MAX

static uint32_t
u32_at(const uint8_t *bytes, size_t at)
{
	return (uint32_t)bytes[at] | (uint32_t)bytes[at + 1] << 8 | (uint32_t)bytes[at + 2] << 16 |
	       (uint32_t)bytes[at + 3] << 24;
}

static uint64_t
u64_at(const uint8_t *bytes, size_t at)
{
	return u32_at(bytes, at) | (uint64_t)u32_at(bytes, at + 4) << 32;
}

static void
numbers_are_indices_and_fullness_is_said(void **state)
{
	struct recorder *r = recorder_create(3);

	(void)state;
	assert_non_null(r);
	for (uint64_t i = 0; i < 3; i++) {
		assert_int_equal(recorder_next(r), i);
		assert_int_equal(recorder_room(r), 3 - i);
		assert_int_equal(recorder_send(r, 100 + i), i);
	}
	assert_true(recorder_next(r) == RECORDER_FULL);
	assert_true(recorder_send(r, 103) == RECORDER_FULL);
	assert_int_equal(recorder_send_tick(r, 2), 102);
	recorder_unsend(r);
	assert_int_equal(recorder_send(r, 200), 2);
	assert_int_equal(recorder_send_tick(r, 2), 200);
	recorder_destroy(r);
}

/* By no time at all is not backwards: a counter may stand still for ten nanoseconds. */
static void
what_came_before_it_left_is_counted(void **state)
{
	struct recorder *r = recorder_create(10);

	(void)state;
	(void)recorder_send(r, 1000);
	assert_int_equal(recorder_return(r, 0, 1), RECORDER_OK); /* in the warm-up */
	recorder_window_begin(r);
	for (int i = 0; i < 4; i++)
		(void)recorder_send(r, 1000);
	assert_int_equal(recorder_return(r, 1, 999), RECORDER_OK);
	assert_int_equal(recorder_return(r, 2, 1000), RECORDER_OK);
	assert_int_equal(recorder_return(r, 3, 1001), RECORDER_OK);
	assert_true(recorder_give_up(r, 4));
	recorder_window_end(r);
	assert_true(recorder_backwards(r) == 1);
	recorder_destroy(r);
}

static void
verdicts_of_returns(void **state)
{
	struct recorder *r = recorder_create(10);
	struct recorder_counts counts;

	(void)state;
	recorder_window_begin(r);
	for (int i = 0; i < 4; i++)
		(void)recorder_send(r, 1000);
	assert_int_equal(recorder_return(r, 1, 1500), RECORDER_OK);
	assert_int_equal(recorder_return(r, 1, 1600), RECORDER_DUPLICATE);
	assert_int_equal(recorder_return(r, 4, 1600), RECORDER_UNKNOWN);
	assert_int_equal(recorder_return(r, UINT64_MAX, 1600), RECORDER_UNKNOWN);
	assert_true(recorder_pending(r, 2));
	assert_true(recorder_give_up(r, 2));
	assert_false(recorder_pending(r, 2));
	assert_false(recorder_give_up(r, 2));
	assert_false(recorder_give_up(r, 1));
	assert_int_equal(recorder_return(r, 2, 1700), RECORDER_LATE);
	assert_int_equal(recorder_return(r, 2, 1700), RECORDER_LATE);
	recorder_window_end(r);
	counts = recorder_counts(r);
	assert_int_equal(counts.sent, 4);
	assert_int_equal(counts.returned, 1);
	assert_int_equal(counts.lost, 3); /* given up, and two that never came */
	assert_int_equal(counts.duplicates, 1);
	assert_int_equal(counts.late, 2);
	assert_int_equal(counts.unknown, 2);
	recorder_destroy(r);
}

/* A packet belongs to the window by when it was sent, whenever it returns. */
static void
window_edges(void **state)
{
	struct recorder *r = recorder_create(10);
	struct recorder_counts counts;

	(void)state;
	(void)recorder_send(r, 1); /* 0: warm-up, returns in the window */
	(void)recorder_send(r, 2); /* 1: warm-up, never returns */
	recorder_window_begin(r);
	assert_int_equal(recorder_return(r, 0, 50), RECORDER_OK);
	(void)recorder_send(r, 3); /* 2: first of the window */
	(void)recorder_send(r, 4); /* 3: last of the window, returns after it */
	recorder_window_end(r);
	(void)recorder_send(r, 5); /* 4: after the window */
	assert_int_equal(recorder_return(r, 4, 60), RECORDER_OK);
	assert_int_equal(recorder_return(r, 3, 60), RECORDER_OK);
	recorder_window_end(r); /* again: changes nothing */
	counts = recorder_counts(r);
	assert_int_equal(counts.sent, 2);
	assert_int_equal(counts.returned, 1);
	assert_int_equal(counts.lost, 1);
	assert_int_equal(counts.warmup, 3);
	recorder_destroy(r);
}

static void
no_window_is_no_sample(void **state)
{
	struct recorder *r = recorder_create(2);
	char path[96];
	uint8_t *bytes;
	size_t length;

	unit_path(state, "empty", path, sizeof(path));
	(void)recorder_send(r, 1);
	assert_int_equal(recorder_counts(r).sent, 0);
	assert_int_equal(recorder_write(r, path, 1e9), 0);
	bytes = unit_read(path, &length);
	assert_int_equal(length, 48);
	assert_int_equal(u64_at(bytes, 16), 0);
	free(bytes);
	assert_int_equal(unlink(path), 0);
	recorder_destroy(r);
}

static void
golden_file(void **state)
{
	/* At 2e9 ticks per second a tick is half a nanosecond; halves round up. */
	static const uint8_t head[48] = {'D', 'P', 'L', 'A', 'T', 'E', 'N', 'C', 1, 0, 0, 0, 0, 0,
			0, 0,
			/* count */ 6, 0, 0, 0, 0, 0, 0, 0, /* first */ 0, 0, 0, 0, 0, 0, 0, 0,
			/* 2e9 as binary64 */ 0, 0, 0, 0, 0x65, 0xcd, 0xdd, 0x41};
	static const uint32_t gaps[6] = {0, 50, 51, 0, UINT32_MAX, 10};
	static const uint32_t trips[6] = {500, LOST, 1, LOST, UINT32_MAX - 1, 0};
	struct recorder *r = recorder_create(100);
	uint8_t *bytes;
	size_t length;
	char path[96];

	unit_path(state, "samples", path, sizeof(path));
	(void)recorder_send(r, 7); /* warm-up */
	recorder_window_begin(r);
	/* Small ticks lie before the window began: the first packet is then its beginning, as in an
	 * open loop. */
	(void)recorder_send(r, 1000);
	(void)recorder_send(r, 1100);
	(void)recorder_send(r, 1201);
	(void)recorder_send(r, 1200); /* goes back: no gap below zero */
	(void)recorder_send(r, 1201 + 3 * (uint64_t)UINT32_MAX);
	(void)recorder_send(r, 1221 + 3 * (uint64_t)UINT32_MAX);
	recorder_window_end(r);
	assert_int_equal(recorder_return(r, 1, 2000), RECORDER_OK);
	assert_true(recorder_give_up(r, 2));
	assert_int_equal(recorder_return(r, 3, 1202), RECORDER_OK);
	assert_int_equal(recorder_return(r, 5, 1201 + 5 * 2 * (uint64_t)UINT32_MAX), RECORDER_OK);
	assert_int_equal(recorder_return(r, 6, 1221 + 3 * (uint64_t)UINT32_MAX), RECORDER_OK);
	assert_int_equal(recorder_write(r, path, 2e9), 0);
	bytes = unit_read(path, &length);
	assert_int_equal(length, 48 + 6 * 8);
	assert_memory_equal(bytes, head, sizeof(head));
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(u32_at(bytes, 48 + 4 * i), gaps[i]);
		assert_int_equal(u32_at(bytes, 48 + 24 + 4 * i), trips[i]);
	}
	free(bytes);
	assert_int_equal(unlink(path), 0);
	recorder_destroy(r);
}

/* Gaps of 33.3 ns rounded one by one would be 1 % off after any number of packets. */
static void
gaps_do_not_drift(void **state)
{
	enum { COUNT = 30000 };
	struct recorder *r = recorder_create(COUNT);
	uint64_t begin = clock_ticks() + 1000000000u;
	uint64_t sum = 0;
	uint8_t *bytes;
	size_t length;
	char path[96];

	unit_path(state, "drift", path, sizeof(path));
	recorder_window_begin(r);
	for (uint64_t i = 0; i < COUNT; i++)
		(void)recorder_send(r, begin + i * 100);
	assert_int_equal(recorder_write(r, path, 3e9), 0);
	bytes = unit_read(path, &length);
	assert_int_equal(length, 48 + 8 * COUNT);
	assert_int_equal(u64_at(bytes, 16), COUNT);
	assert_true(u64_at(bytes, 24) >
			300000000u); /* about a third of a second after the window began */
	for (size_t i = 0; i < COUNT; i++)
		sum += u32_at(bytes, 48 + 4 * i);
	assert_in_range(sum, (COUNT - 1) * 100 / 3 - 1, (COUNT - 1) * 100 / 3 + 1);
	free(bytes);
	assert_int_equal(unlink(path), 0);
	recorder_destroy(r);
}

static void
failures_are_said(void **state)
{
	struct recorder *r = recorder_create(1);
	char path[96];

	unit_path(state, "no/such/folder", path, sizeof(path));
	errno = 0;
	assert_int_equal(recorder_write(r, path, 1e9), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(recorder_write(r, path, 0), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(recorder_write(r, path, NAN), -1);
	recorder_destroy(r);
	assert_null(recorder_create(0));
	assert_int_equal(errno, EINVAL);
	assert_null(recorder_create(UINT64_MAX / 16));
	assert_int_equal(errno, ENOMEM);
	assert_null(recorder_create(UINT64_MAX / 2));
	assert_int_equal(errno, ENOMEM);
}

/* /dev/full takes no byte: a disk that is full must not look like a file that is there. */
static void
full_disk_is_an_error(void **state)
{
	struct recorder *r = recorder_create(1);
	char path[96], partial[128];

	unit_path(state, "samples", path, sizeof(path));
	(void)snprintf(partial, sizeof(partial), "%s.partial.%ld", path, (long)getpid());
	assert_int_equal(symlink("/dev/full", partial), 0);
	errno = 0;
	assert_int_equal(recorder_write(r, path, 1e9), -1);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(access(partial, F_OK), -1);
	recorder_destroy(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(numbers_are_indices_and_fullness_is_said),
			cmocka_unit_test(what_came_before_it_left_is_counted),
			cmocka_unit_test(verdicts_of_returns),
			cmocka_unit_test(window_edges),
			cmocka_unit_test(no_window_is_no_sample),
			cmocka_unit_test(golden_file),
			cmocka_unit_test(gaps_do_not_drift),
			cmocka_unit_test(failures_are_said),
			cmocka_unit_test(full_disk_is_an_error),
	};

	return cmocka_run_group_tests_name("recorder", tests, unit_folder_make, unit_folder_remove);
}
