#include "program.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

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

static struct program_end
run(const struct program *p)
{
	return has_one_lcore() ? p->run(p->self) : (struct program_end){.code = EXIT_WRONG_USE};
}

int
program_main(const struct program *p, int argc, char **argv)
{
	struct arguments arguments;
	bool help = false;
	int code;

	if (lifecycle_begin(p->name) != 0 || arguments_split(&arguments, argc, argv) != 0) {
		complain("cannot start: %s", strerror(errno));
		return EXIT_FAILED;
	}
	if (!p->read(p->self, arguments.app_count, arguments.app, &help))
		code = EXIT_WRONG_USE;
	else if (help)
		code = EXIT_DONE;
	else
		code = eal_begin(&arguments);
	if (code == EXIT_DONE && !help) {
		struct program_end end = run(p);

		code = end.code;
		/* DPDK cleans up in destructors too: those must not run either. */
		if (end.leave_memory)
			_exit(code);
		eal_end(&arguments);
	}
	arguments_free(&arguments);
	return code;
}
