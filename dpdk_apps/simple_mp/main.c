/*
 * simple_mp: a primary and its secondaries exchange messages over two rings and one mempool in
 * shared memory, and nothing else.
 */
#include <rte_eal.h>

#include "lifecycle.h"
#include "process.h"

static struct program_end
run(void *self)
{
	struct process *p = self;
	bool primary = rte_eal_process_type() == RTE_PROC_PRIMARY;

	if (!command_line_check(&p->line, primary))
		return (struct program_end){.code = EXIT_WRONG_USE};
	return primary ? primary_run(p) : secondary_run(p);
}

int
main(int argc, char **argv)
{
	struct process process = {.began = clock_mark()};
	struct program program = {
			.name = "simple_mp",
			.read = command_line_read,
			.options = &process.line,
			.run = run,
			.self = &process,
	};

	return program_main(&program, argc, argv);
}
