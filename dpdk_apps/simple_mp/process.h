/* The work of one process of simple_mp, primary or secondary, from its shared memory to its end. */
#ifndef SIMPLE_MP_PROCESS_H
#define SIMPLE_MP_PROCESS_H

#include "clock.h"
#include "command_line.h"
#include "program.h"

struct process {
	struct command_line line;
	struct clock_mark began;
};

struct program_end primary_run(struct process *p);
struct program_end secondary_run(struct process *p);

#endif
