/*
 * Start and end of DPDK's environment. What can be known to go wrong is looked
 * for before the start, because the EAL's own messages do not say what to do.
 */
#ifndef COMMON_DPDK_EAL_H
#define COMMON_DPDK_EAL_H

#include <stdbool.h>

/*
 * argv in two parts: `program <EAL arguments> -- <our arguments>`. Both begin with
 * the program's name and end with NULL. Without a "--" all are ours if `--help` or
 * `-h` is among them, else all are the EAL's.
 */
struct arguments {
	int eal_count;
	char **eal;
	int app_count;
	char **app;
};

/* 0, or -1 when there is no memory for it. Nothing of `argv` is changed. */
int arguments_split(struct arguments *a, int argc, char **argv);
void arguments_free(struct arguments *a);

/*
 * Starts the EAL, whose messages go to stderr. A secondary whose primary is not
 * running is refused here, since the EAL would join the memory that a dead one left.
 * EXIT_DONE, or the code to exit with after a message that says what to do.
 */
int eal_begin(const struct arguments *a);

/*
 * Ends it. A primary also removes the huge-page files of its group, some of which DPDK leaves
 * behind: its pages would stay taken for as long as the mount lives.
 */
void eal_end(const struct arguments *a);

/* Whether a process holds the primary's lock of this process's group. */
bool eal_primary_alive(void);

#endif
