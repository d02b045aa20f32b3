#include "said.h"

#include <signal.h>

#include "lifecycle.h"
#include "options.h"
#include "startup.h"

#define GO_ON -1
#define OPTION_DEPTH 256

static unsigned int helped;

static void
help(void)
{
	helped++;
}

struct values {
	uint64_t depth;
	unsigned int switched;
	const char *name;
	unsigned int completed;
	bool incomplete;
};

static bool
take(void *options, int option, const char *text)
{
	struct values *v = options;

	switch (option) {
	case OPTION_DEPTH:
		return option_count("--depth", text, 1, 9, &v->depth);
	case 's':
		assert_null(text);
		v->switched++;
		return true;
	case 'n':
		v->name = text;
		return true;
	default:
		fail_msg("option %d is none of the table", option);
		return false;
	}
}

static bool
complete(void *options)
{
	struct values *v = options;

	v->completed++;
	return !v->incomplete;
}

static const struct option table[] = {
		{"depth", required_argument, NULL, OPTION_DEPTH},
		{"switch", no_argument, NULL, 's'},
		{"name", required_argument, NULL, 'n'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
};

static const struct option_reader with_letters = {
		.table = table,
		.letters = ":sn:h",
		.help = help,
		.take = take,
		.complete = complete,
};

static const struct option_reader without_letters = {
		.table = table,
		.help = help,
		.take = take,
};

#define READ(reader, values, ...)                                                                  \
	read_line(reader, values, (char *[]){(char *)"app", ##__VA_ARGS__, NULL})

static int
read_line(const struct option_reader *r, struct values *v, char **argv)
{
	int argc = 0;

	while (argv[argc] != NULL)
		argc++;
	return options_read(r, v, argc, argv);
}

static void
each_option_is_taken_with_its_value(void **state)
{
	struct values v = {0};

	(void)state;
	assert_int_equal(READ(&with_letters, &v, "--depth", "3", "-sn", "here", "--switch"), GO_ON);
	assert_int_equal(v.depth, 3);
	assert_int_equal(v.switched, 2);
	assert_string_equal(v.name, "here");
	assert_int_equal(v.completed, 1);
	/* The last one counts. */
	assert_int_equal(READ(&with_letters, &v, "--depth=4", "--depth", "5"), GO_ON);
	assert_int_equal(v.depth, 5);
}

static void
no_option_is_needed_where_nothing_says_so(void **state)
{
	struct values v = {0};

	(void)state;
	assert_int_equal(READ(&without_letters, &v), GO_ON);
	v.incomplete = true;
	assert_int_equal(READ(&with_letters, &v), EXIT_WRONG_USE);
	assert_int_equal(v.completed, 1);
}

static void
help_ends_the_reading(void **state)
{
	struct values v = {0};

	(void)state;
	helped = 0;
	assert_int_equal(READ(&with_letters, &v, "-s", "--help", "--nonsense"), EXIT_DONE);
	assert_int_equal(helped, 1);
	assert_int_equal(v.switched, 1);
	assert_int_equal(v.completed, 0);
	assert_int_equal(READ(&with_letters, &v, "-h"), EXIT_DONE);
	assert_int_equal(helped, 2);
}

/* Reads, and looks at what was said. */
#define REFUSED(reader, message, ...)                                                              \
	do {                                                                                       \
		struct values v = {0};                                                             \
		struct said said;                                                                  \
		int code;                                                                          \
                                                                                                   \
		said_begin(&said);                                                                 \
		code = READ(reader, &v, ##__VA_ARGS__);                                            \
		assert_string_equal(said_end(&said), message);                                     \
		assert_int_equal(code, EXIT_WRONG_USE);                                            \
		assert_int_equal(v.completed, 0);                                                  \
	} while (0)

static void
what_is_no_option_is_refused(void **state)
{
	struct option_reader part = with_letters;

	(void)state;
	helped = 0;
	REFUSED(&with_letters, "app: --no is no option of this program; --help lists them\n",
			"--no");
	REFUSED(&with_letters, "app: -x is no option of this program; --help lists them\n", "-x");
	REFUSED(&without_letters, "app: -h is no option of this program; --help lists them\n",
			"-h");
	REFUSED(&with_letters, "app: 'word' is no option of this program; --help lists them\n",
			"word", "-s");
	part.beside_eal = true;
	REFUSED(&part, "app: 'word' is no option; --help lists them\n", "-s", "--", "word");
	assert_int_equal(helped, 0);
}

static void
a_value_is_refused(void **state)
{
	(void)state;
	REFUSED(&with_letters, "app: --depth needs a value; --help lists the options\n", "-s",
			"--depth");
	REFUSED(&with_letters, "app: -n needs a value; --help lists the options\n", "-n");
	REFUSED(&with_letters, "app: --depth '10': write a whole number from 1 to 9\n", "--depth",
			"10", "--no");
}

static void
a_line_that_was_refused_leaves_nothing_to_the_next(void **state)
{
	struct values v = {0};

	(void)state;
	assert_int_equal(READ(&with_letters, &v, "-xs"), EXIT_WRONG_USE);
	assert_int_equal(READ(&with_letters, &v, "-n", "a"), GO_ON);
	assert_int_equal(v.switched, 0);
	assert_string_equal(v.name, "a");
}

static void
what_is_missing_is_named(void **state)
{
	struct said said;
	bool is;

	(void)state;
	said_begin(&said);
	is = option_given(false, "--depth");
	assert_string_equal(said_end(&said), "app: --depth is missing; --help lists the options\n");
	assert_false(is);
	said_begin(&said);
	is = option_given(true, "--depth");
	assert_string_equal(said_end(&said), "");
	assert_true(is);
}

static void
a_start_names_the_program_and_reads(void **state)
{
	char *wrong[] = {(char *)"path", (char *)"word", NULL};
	char *right[] = {(char *)"path", (char *)"-s", NULL};
	struct values v = {0};
	struct said said;
	int code;

	(void)state;
	lifecycle_stop();
	said_begin(&said);
	code = startup("other", &with_letters, &v, 2, wrong);
	assert_string_equal(said_end(&said),
			"other: 'word' is no option of this program; --help lists them\n");
	assert_int_equal(code, EXIT_WRONG_USE);
	assert_int_equal(startup("app", &with_letters, &v, 2, right), GO_ON);
	assert_int_equal(v.switched, 1);
	assert_false(lifecycle_stopping());
	/* Its handlers are in place: a signal asks to stop, and does not kill. */
	assert_int_equal(raise(SIGTERM), 0);
	assert_true(lifecycle_stopping());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(each_option_is_taken_with_its_value),
			cmocka_unit_test(no_option_is_needed_where_nothing_says_so),
			cmocka_unit_test(help_ends_the_reading),
			cmocka_unit_test(what_is_no_option_is_refused),
			cmocka_unit_test(a_value_is_refused),
			cmocka_unit_test(a_line_that_was_refused_leaves_nothing_to_the_next),
			cmocka_unit_test(what_is_missing_is_named),
			cmocka_unit_test(a_start_names_the_program_and_reads),
	};

	if (lifecycle_begin("app") != 0)
		return EXIT_FAILED;
	return cmocka_run_group_tests_name("option_reader", tests, NULL, NULL);
}
