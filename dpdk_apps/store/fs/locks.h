/*
 * Locks of files (POSIX's of ranges and BSD's of whole files) among all clients of the server.
 * They are forwarded by the clients' kernels and held here; what works in the backing folder
 * beside the server does not see them. They end with the server: after its restart nobody holds
 * one.
 */
#ifndef STORE_LOCKS_H
#define STORE_LOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include "file_id.h"

struct locks;

/* Who holds a lock: FUSE's lock owner is unique within a client. Locks of the two kinds do not
 * see each other. */
struct lock_holder {
	uint64_t client;
	uint64_t owner;
	bool whole_file; /* flock(2) */
};

struct lock_range {
	uint64_t start, end; /* both in it */
	int type;	     /* F_RDLCK, F_WRLCK, F_UNLCK */
	uint32_t pid;	     /* on the client, for F_GETLK */
};

/* At most so many are held at a time. NULL with errno. */
struct locks *locks_open(uint32_t most);
void locks_close(struct locks *locks);

/* Takes, changes or gives back (F_UNLCK) a range: 0, or EAGAIN where another holds it and ENOLCK
 * where there are too many, with nothing changed. */
int locks_set(struct locks *locks, const struct file_id *file, const struct lock_holder *holder,
		const struct lock_range *range);

/* The first lock that is in the way of the range, or type F_UNLCK where none is. */
struct lock_range locks_find(const struct locks *locks, const struct file_id *file,
		const struct lock_holder *holder, const struct lock_range *range);

/* The client is gone. */
void locks_leave(struct locks *locks, uint64_t client);

#endif
