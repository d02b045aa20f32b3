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

static bool
read_command_line(void *self, int argc, char **argv, bool *help)
{
	struct command_line *line = &((struct process *)self)->line;
	bool right = command_line_read(line, argc, argv);

	*help = line->help;
	return right;
}

int
main(int argc, char **argv)
{
	struct process process = {.began = clock_mark()};
	struct program program = {
			.name = "simple_mp",
			.self = &process,
			.read = read_command_line,
			.run = run,
	};

	return program_main(&program, argc, argv);
}
