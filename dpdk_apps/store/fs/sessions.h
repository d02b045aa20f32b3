/*
 * One session of libfuse for each client: what it agreed on in INIT. libfuse reads requests from
 * memory and its answers are taken from memory; there is no /dev/fuse behind it.
 */
#ifndef STORE_SESSIONS_H
#define STORE_SESSIONS_H

#include <linux/fuse.h>

#include "store_fs.h"

/* The client's session; NULL where it has sent no INIT. */
struct session *session_find(struct executor *e, uint64_t client);

/* A new one for the client, in place of what it had. Its nodes and open files stay: the client's
 * kernel that sends INIT again after a restart of the server holds them. NULL where there are
 * SESSIONS_MAX already. */
struct session *session_begin(struct executor *e, uint64_t client);

void session_end(struct session *s);
void sessions_close(struct executor *e);

/* Has libfuse carry out a request that was checked; the answer is in the executor. */
void session_run(struct session *s, const struct fuse_in_header *header, const uint8_t *in,
		size_t in_bytes);

#endif
