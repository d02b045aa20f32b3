#include "unit.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "roster.h"

#define OPTION "--proc-id"

/* A roster that forked processes share, as those of a group do. */
static struct roster *
shared_roster(void)
{
	struct roster *r = mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(r != MAP_FAILED);
	return r;
}

/* Another process claims `place` and is killed with it. */
static void
claim_and_die(struct roster *r, uint16_t place, unsigned int lcore)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		if (roster_claim(r, place, lcore, OPTION))
			(void)raise(SIGKILL);
		_exit(1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void
a_place_that_is_left_is_free_and_one_of_a_dead_process_is_known(void **state)
{
	struct roster *r = shared_roster();

	(void)state;
	assert_true(roster_claim(r, 1, 5, OPTION));
	assert_int_equal(roster_holder(r, 1), getpid());
	roster_release(r, 1);
	assert_int_equal(roster_holder(r, 1), 0);
	assert_false(roster_died(r, 1));
	claim_and_die(r, 1, 5);
	assert_true(roster_died(r, 1));
	/* Whoever takes its place takes over from it, with the same lcore id or another. */
	assert_true(roster_claim(r, 1, 5, OPTION));
	assert_false(roster_died(r, 1));
	assert_int_equal(munmap(r, sizeof(*r)), 0);
}

static void
a_refused_claim_leaves_the_death_that_was_there(void **state)
{
	struct roster *r = shared_roster();
	uint64_t claim;

	(void)state;
	assert_true(roster_claim(r, 0, 3, OPTION));
	claim_and_die(r, 1, 5);
	claim = r->claims[1];
	assert_false(roster_claim(r, 1, 3, OPTION));
	assert_true(roster_died(r, 1));
	assert_true(r->claims[1] == claim);
	assert_int_equal(r->lcores[1], 5 + 1);
	assert_true(roster_claim(r, 1, 4, OPTION));
	assert_int_equal(roster_holder(r, 1), getpid());
	assert_int_equal(munmap(r, sizeof(*r)), 0);
}

static void
a_refused_claim_leaves_a_free_place_free(void **state)
{
	struct roster *r = shared_roster();

	(void)state;
	assert_true(roster_claim(r, 0, 3, OPTION));
	assert_false(roster_claim(r, 1, 3, OPTION));
	assert_false(roster_died(r, 1));
	assert_int_equal(r->claims[1], 0);
	assert_false(roster_claim(r, 0, 4, OPTION));
	assert_int_equal(roster_holder(r, 0), getpid());
	assert_int_equal(munmap(r, sizeof(*r)), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(
					a_place_that_is_left_is_free_and_one_of_a_dead_process_is_known),
			cmocka_unit_test(a_refused_claim_leaves_the_death_that_was_there),
			cmocka_unit_test(a_refused_claim_leaves_a_free_place_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
