#include "unit.h"

/* The ends of its rings are the test's, not those of shared memory. */
#include "../simple_mp/wards.c"

#define SECOND 1000u /* in ticks */
#define LATER (10u * SECOND)

static struct ring_end taking;
static struct ring_end giving;
static struct space_record record;
static struct space space;
static struct wards wards;
static uint64_t now;

struct ring_end
space_taking_end(const struct space *s)
{
	(void)s;
	return taking;
}

struct ring_end
space_giving_end(const struct space *s)
{
	(void)s;
	return giving;
}

static int
set_up(void **state)
{
	(void)state;
	memset(&record, 0, sizeof(record));
	taking = giving = (struct ring_end){0};
	record.secondaries = 2;
	space = (struct space){.record = &record};
	now = SECOND;
	/* So much later that nothing is reckoned of the mempool, which is not there. */
	wards_begin(&wards, &space, SECOND, 1000u * LATER);
	return 0;
}

/* Looks for a while; whether a ring is stuck. */
static bool
look_for(uint64_t ticks)
{
	for (uint64_t end = now + ticks; now < end; now += SECOND / 20)
		if (wards_look(&wards, now, 0))
			return true;
	return false;
}

/* Process 0 does not run, so the claim is one of a dead one. */
static void
die(uint16_t place)
{
	record.roster.claims[place] = 1;
}

static void
follow(uint16_t place)
{
	record.roster.claims[place] = 0;
	record.taken_over[place]++;
}

static void
a_tail_that_stands_without_a_death_is_no_stuck_ring(void **state)
{
	(void)state;
	giving.head = 1;
	assert_false(look_for(LATER));
	assert_int_equal(wards.deaths, 0);
}

static void
a_tail_that_stands_since_a_death_is_stuck(void **state)
{
	(void)state;
	assert_false(look_for(SECOND));
	die(2);
	giving.head = 1;
	assert_true(look_for(SECOND));
	assert_string_equal(wards.stuck, "to the primary");
}

/* Killed and followed by another between two looks at its place: its operation is what stands. */
static void
a_death_that_is_noticed_late_explains_a_tail_as_well(void **state)
{
	(void)state;
	assert_false(look_for(SECOND));
	taking.head = 1;
	follow(1);
	assert_true(look_for(SECOND));
	assert_string_equal(wards.stuck, "to the secondaries");
}

static void
an_old_death_whose_place_is_taken_explains_nothing(void **state)
{
	(void)state;
	die(1);
	assert_false(look_for(SECOND));
	assert_int_equal(wards.deaths, 1);
	follow(1);
	assert_false(look_for(SECOND));
	/* A living one loses its CPU within an operation, for long, and goes on. */
	taking.head = 1;
	assert_false(look_for(LATER));
	taking.tail = 1;
	assert_false(look_for(SECOND));
	/* The next death does. */
	die(2);
	giving.head = 1;
	assert_true(look_for(SECOND));
}

static void
a_death_that_nobody_followed_explains_a_tail_that_moved_after_it(void **state)
{
	(void)state;
	die(1);
	giving = (struct ring_end){.head = 2, .tail = 0};
	assert_false(look_for(SECOND / 10));
	giving.tail = 1; /* one that began before the dead one has ended */
	assert_true(look_for(SECOND));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test_setup(a_tail_that_stands_without_a_death_is_no_stuck_ring,
					set_up),
			cmocka_unit_test_setup(a_tail_that_stands_since_a_death_is_stuck, set_up),
			cmocka_unit_test_setup(a_death_that_is_noticed_late_explains_a_tail_as_well,
					set_up),
			cmocka_unit_test_setup(
					an_old_death_whose_place_is_taken_explains_nothing, set_up),
			cmocka_unit_test_setup(
					a_death_that_nobody_followed_explains_a_tail_that_moved_after_it,
					set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
