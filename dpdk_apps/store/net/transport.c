#include "transport.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "fault_options.h"
#include "lifecycle.h"
#include "option_reader.h"

#define TABLE_MAX 64
#define LETTERS_MAX 16

struct transport {
	struct driver *driver;
	struct fault *fault; /* NULL: none are asked for */
	struct carrier *carrier;
};

/* What the command line is read into. */
struct both_options {
	const struct store_program *program;
	struct driver_options *driver;
	struct fault_options faults;
};

static void
print_help(const void *options)
{
	const struct store_program *p = ((const struct both_options *)options)->program;

	p->help();
	driver_help(p->end);
	fault_help();
}

/* Options without a letter are numbered, too: a letter is one that is taken as such. */
static bool
is_driver_letter(int option)
{
	return option < 256 && isalpha(option) && strchr(driver_letters, option) != NULL;
}

static bool
take(void *options, int option, const char *text)
{
	struct both_options *o = options;

	if (option >= FAULT_OPTION_FIRST)
		return fault_take(&o->faults, option, text);
	if (option >= TRANSPORT_OPTION_FIRST || is_driver_letter(option))
		return driver_take(o->driver, option, text);
	return o->program->take(o->program->options, option, text);
}

static bool
is_alone(const struct store_program *p)
{
	return p->alone != NULL && p->alone(p->options);
}

static bool
complete(void *options)
{
	const struct both_options *o = options;
	const struct store_program *p = o->program;

	return (p->complete == NULL || p->complete(p->options)) &&
	       (is_alone(p) || driver_complete(o->driver));
}

/* Appends `table` but for its end; false where there is no room. */
static bool
append(struct option *joined, size_t *count, const struct option *table)
{
	for (; table->name != NULL; table++) {
		if (*count + 1 >= TABLE_MAX)
			return false;
		joined[(*count)++] = *table;
	}
	return true;
}

static int
read_options(struct both_options *o, int argc, char **argv)
{
	struct option joined[TABLE_MAX] = {0};
	char letters[LETTERS_MAX];
	struct option_reader reader = {
			.table = joined,
			.letters = letters,
			.beside_eal = driver_beside_eal,
			.help_of = print_help,
			.take = take,
			.complete = complete,
	};
	size_t count = 0;

	if (!append(joined, &count, o->program->table) ||
			!append(joined, &count, driver_option_table(o->program->end)) ||
			!append(joined, &count, fault_option_table)) {
		complain("more than %d options", TABLE_MAX);
		return EXIT_FAILED;
	}
	(void)snprintf(letters, sizeof(letters), ":h%s", driver_letters);
	if (driver_split(o->driver, &argc, &argv) != 0) {
		complain("cannot start: %s", strerror(errno));
		return EXIT_FAILED;
	}
	return options_read(&reader, o, argc, argv);
}

/* With the transport open, and the faults between. */
static int
run_on(const struct both_options *o, struct driver *driver)
{
	struct transport t = {.driver = driver, .carrier = driver_carrier(driver)};
	int code;

	if (o->faults.wanted) {
		t.fault = fault_options_open(&o->faults, t.carrier);
		if (t.fault == NULL) {
			complain("cannot make the faults: %s", strerror(errno));
			return EXIT_FAILED;
		}
		t.carrier = fault_carrier(t.fault);
	}
	code = o->program->run(o->program->self, &t);
	fault_destroy(t.fault);
	return code;
}

static int
run(const struct both_options *o)
{
	const struct store_program *p = o->program;
	struct driver *driver;
	int code = EXIT_FAILED;

	if (is_alone(p))
		return p->run(p->self, NULL);
	driver = driver_open(o->driver, &code);
	if (driver == NULL)
		return code;
	code = run_on(o, driver);
	driver_close(driver);
	return code;
}

int
store_program_main(const struct store_program *p, int argc, char **argv)
{
	struct both_options o = {
			.program = p,
			.driver = driver_options_create(p->end),
			.faults = fault_options_default(),
	};
	int code;

	if (o.driver == NULL || lifecycle_begin(p->name) != 0) {
		complain("cannot start: %s", strerror(errno));
		driver_options_free(o.driver);
		return EXIT_FAILED;
	}
	code = read_options(&o, argc, argv);
	if (code < 0)
		code = run(&o);
	driver_options_free(o.driver);
	return code;
}

struct carrier *
transport_carrier(struct transport *t)
{
	return t->carrier;
}

uint32_t
transport_peer(const struct transport *t)
{
	return driver_peer(t->driver);
}

bool
transport_connected(const struct transport *t)
{
	return driver_connected(t->driver);
}

void
transport_report(const struct transport *t, struct stats *s)
{
	stats_string(s, "transport", transport_name);
	driver_report(t->driver, s);
	if (t->fault != NULL)
		fault_report(t->fault, s);
}
