/*
 * What every program over DPDK does around its own work: messages and signals,
 * its command line in two parts, start and end of the EAL, the exit code.
 */
#ifndef COMMON_DPDK_PROGRAM_H
#define COMMON_DPDK_PROGRAM_H

#include <stdbool.h>

/* How a program's work ended. */
struct program_end {
	int code; /* to exit with */
	/* Others may use the shared memory, or its locks may be held for ever: leave without
	 * cleaning up. */
	bool leave_memory;
};

struct program {
	const char *name;
	bool alone; /* it has no group: refused as a secondary */
	/* Reads our part of the command line into `options`, as options_read() does. */
	int (*read)(void *options, int argc, char **argv);
	void *options;
	/* The work, with the EAL started and one lcore. */
	struct program_end (*run)(void *self);
	void *self;
};

/*
 * Starts the EAL for a program that does the rest of main() itself, and checks what program_main()
 * does: one lcore, and where it is `alone`, no secondary. EXIT_DONE, or the code to exit with after
 * a message. eal_end() ends what it has started.
 */
struct arguments;
int program_eal_begin(const char *name, bool alone, const struct arguments *arguments);

/* All of main(). */
int program_main(const struct program *p, int argc, char **argv);

#endif
