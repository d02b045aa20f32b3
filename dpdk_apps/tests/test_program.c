#include "unit.h"

#include "lifecycle.h"
#include "program.h"

/* A program that never comes to its work: the EAL is not started here. */
struct process {
	int code; /* that the reading gives */
	int argc; /* that it was given */
	const char *first;
};

static int
read_part(void *options, int argc, char **argv)
{
	struct process *p = options;

	p->argc = argc;
	p->first = argc > 1 ? argv[1] : NULL;
	return p->code;
}

static struct program_end
run(void *self)
{
	(void)self;
	fail_msg("there is nothing to do");
	return (struct program_end){.code = EXIT_DONE};
}

static int
end_of(struct process *p, char **argv)
{
	struct program program = {
			.name = "app",
			.read = read_part,
			.options = p,
			.run = run,
			.self = p,
	};
	int argc = 0;

	while (argv[argc] != NULL)
		argc++;
	return program_main(&program, argc, argv);
}

static void
help_and_wrong_use_end_before_the_work(void **state)
{
	char *help[] = {(char *)"app", (char *)"--help", NULL};
	char *parts[] = {(char *)"app", (char *)"--no-pci", (char *)"--", (char *)"-p", NULL};
	struct process p = {.code = EXIT_DONE};

	(void)state;
	assert_int_equal(end_of(&p, help), EXIT_DONE);
	assert_int_equal(p.argc, 2);
	assert_string_equal(p.first, "--help");
	p.code = EXIT_WRONG_USE;
	assert_int_equal(end_of(&p, parts), EXIT_WRONG_USE);
	assert_int_equal(p.argc, 2);
	assert_string_equal(p.first, "-p");
}

static void
the_eal_is_started_where_the_reading_says_go_on(void **state)
{
	char *argv[] = {(char *)"app", (char *)"--no-such-option", (char *)"--", NULL};
	struct process p = {.code = -1};

	(void)state;
	/* It refuses its part of the line. */
	assert_int_equal(end_of(&p, argv), EXIT_FAILED);
	assert_int_equal(p.argc, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(help_and_wrong_use_end_before_the_work),
			cmocka_unit_test(the_eal_is_started_where_the_reading_says_go_on),
	};

	return cmocka_run_group_tests_name("program", tests, NULL, NULL);
}
