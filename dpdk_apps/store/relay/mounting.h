/*
 * A FUSE mount of our own, taken down whatever ends the process: a second process waits for that
 * end and unmounts then.
 */
#ifndef STORE_MOUNTING_H
#define STORE_MOUNTING_H

#include <sys/types.h>

struct mounting {
	int fuse;     /* /dev/fuse, not blocking */
	int lifeline; /* closed by our end, whichever it is */
	pid_t warden;
};

/* Mounts at the folder `where`. 0, or -1 after one clear line. Needs root. */
int mounting_begin(struct mounting *m, const char *where);

/* Has the warden unmount. It may have to wait for requests to be answered: reading /dev/fuse goes
 * on until ENODEV tells that the file system is gone. */
void mounting_leave(struct mounting *m);

/* Closes what is left, which ends requests that nobody answered. 0, or -1 after one clear line
 * where the folder is still mounted. */
int mounting_end(struct mounting *m);

#endif
