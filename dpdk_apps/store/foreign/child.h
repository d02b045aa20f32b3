/* Another program, run by ours: it is told to end when we are, and its end is waited for. */
#ifndef STORE_CHILD_H
#define STORE_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

/* Starts argv[0], found by PATH, with what it prints thrown away and its messages among ours. Its
 * pid, or -1 after one clear line, which ends with `install` where there is no such program. */
pid_t child_start(char *const argv[], const char *install);

/* Whether it has ended; then it stays to be waited for. */
bool child_ended(pid_t pid);

/* Sleeps until it has ended, and has it end when we are to stop. Its exit code; -1 after one clear
 * line where a signal ended it or it cannot be waited for. */
int child_wait(pid_t pid, const char *name);

#endif
