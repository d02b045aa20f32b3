#include "unit.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "driver_guard.h"

struct loop {
	struct driver_guard guard;
	volatile uint8_t *rings; /* unmapped, as by a driver whose other end is gone */
	int turns;
	bool says_so; /* that the driver has the thread */
};

static void
poll_unmapped(void *self)
{
	struct loop *l = self;

	for (l->turns = 1;; l->turns++) {
		if (l->turns < 3)
			continue;
		if (l->says_so)
			driver_enter(&l->guard);
		l->rings[0]++;
		driver_leave(&l->guard);
	}
}

static void
end_at_once(void *self)
{
	((struct loop *)self)->turns++;
}

static void
unmap(struct loop *l)
{
	void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(page, MAP_FAILED);
	assert_int_equal(munmap(page, 4096), 0);
	l->rings = page;
}

static void
a_loop_that_ends_by_itself_is_told_apart(void **state)
{
	struct loop l = {0};

	(void)state;
	assert_true(driver_guard_run(&l.guard, end_at_once, &l));
	assert_false(l.guard.tripped);
	assert_int_equal(l.turns, 1);
}

static void
a_fault_in_the_driver_ends_the_loop_only(void **state)
{
	struct loop l = {.says_so = true};

	(void)state;
	unmap(&l);
	for (int again = 0; again < 2; again++) {
		assert_false(driver_guard_run(&l.guard, poll_unmapped, &l));
		assert_true(l.guard.tripped);
		assert_int_equal(l.turns, 3);
	}
}

/* In a child: how a process ends that makes this fault. */
static int
signal_that_ends(bool guarded)
{
	struct loop l = {0};
	int status = 0;
	pid_t pid;

	unmap(&l);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		/* Without a sanitizer's handler, whose exit code is its own. */
		(void)signal(SIGSEGV, SIG_DFL);
		if (guarded)
			(void)driver_guard_run(&l.guard, poll_unmapped, &l);
		else
			poll_unmapped(&l);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void
a_fault_anywhere_else_ends_the_program(void **state)
{
	(void)state;
	assert_int_equal(signal_that_ends(false), SIGSEGV);
	assert_int_equal(signal_that_ends(true), SIGSEGV);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(a_loop_that_ends_by_itself_is_told_apart),
			cmocka_unit_test(a_fault_in_the_driver_ends_the_loop_only),
			cmocka_unit_test(a_fault_anywhere_else_ends_the_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
