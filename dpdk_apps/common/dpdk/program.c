#include "program.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_lcore.h>

#include "eal.h"
#include "lifecycle.h"

/* Two processes of a group on one lcore id corrupt the packet buffers, so each has just one to
 * watch over. */
static bool
has_one_lcore(void)
{
	if (rte_lcore_count() == 1)
		return true;
	complain("%u lcores, but one thread does all the work: give one, such as --lcores 0@1, and "
		 "every process of a group another id",
			rte_lcore_count());
	return false;
}

static bool
may_be_alone(const char *name)
{
	if (rte_eal_process_type() == RTE_PROC_PRIMARY)
		return true;
	complain("%s is no secondary: start it with --proc-type primary and a --file-prefix of its "
		 "own",
			name);
	return false;
}

int
program_eal_begin(const char *name, bool alone, const struct arguments *arguments)
{
	int code = eal_begin(arguments);

	if (code != EXIT_DONE)
		return code;
	if (has_one_lcore() && (!alone || may_be_alone(name)))
		return EXIT_DONE;
	eal_end(arguments);
	return EXIT_WRONG_USE;
}

/* From the start of the EAL to its end. */
static int
run(const struct program *p, const struct arguments *arguments)
{
	struct program_end end;
	int code = program_eal_begin(p->name, p->alone, arguments);

	if (code != EXIT_DONE)
		return code;
	end = p->run(p->self);
	/* DPDK cleans up in destructors too: those must not run either. */
	if (end.leave_memory)
		_exit(end.code);
	eal_end(arguments);
	return end.code;
}

int
program_main(const struct program *p, int argc, char **argv)
{
	struct arguments arguments;
	int code;

	if (lifecycle_begin(p->name) != 0 || arguments_split(&arguments, argc, argv) != 0) {
		complain("cannot start: %s", strerror(errno));
		return EXIT_FAILED;
	}
	code = p->read(p->options, arguments.app_count, arguments.app);
	if (code < 0)
		code = run(p, &arguments);
	arguments_free(&arguments);
	return code;
}
