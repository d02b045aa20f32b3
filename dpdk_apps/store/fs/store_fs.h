/*
 * What the parts of the executor share: the served folder, its tables, and one session of libfuse
 * for each client. Only the files beside this one include it.
 */
#ifndef STORE_STORE_FS_H
#define STORE_STORE_FS_H

#define FUSE_USE_VERSION 314
#include <fuse3/fuse_lowlevel.h>

#include "executor.h"
#include "locks.h"
#include "nodes.h"
#include "open_files.h"

/* 16 clients over TCP are asked for; those that died stay until they are said to be gone. */
#define SESSIONS_MAX 64

struct session {
	struct executor *executor;
	uint64_t client;
	struct fuse_session *fuse;
};

struct executor {
	enum durability durability;
	enum cache cache;
	int root;      /* the backing folder */
	int processes; /* /proc/self/fd: the way to what takes no O_PATH descriptor */
	struct state state;
	struct nodes *nodes;
	struct open_files *opens;
	struct locks *locks;
	struct session sessions[SESSIONS_MAX]; /* `fuse` is NULL in those that are free */
	struct executor_counts counts;

	/* Of the request that is carried out. */
	uint32_t write_flags; /* of a WRITE */
	uint8_t *answer;      /* struct fuse_out_header, then the room for data */
	size_t answer_room, answer_bytes;
};

/* The session of the client that asked. */
static inline struct session *
session_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

/* The room for data in the answer: what is put there need not be copied. */
static inline char *
data_room(struct executor *e)
{
	return (char *)e->answer + 16;
}

/* Answers by errno, and with it where there is none. An answer goes to memory: it cannot fail. */
void answer_errno(fuse_req_t req, int error);

#endif
