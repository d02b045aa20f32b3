/*
 * What a server of the store does with a request: a FUSE request in, its answer out. The
 * transport calls it once for each request, whatever the network did to the packets.
 *
 * One thread uses an executor: it takes the user and group of a request for its own while it
 * makes files. It needs root.
 */
#ifndef STORE_EXECUTOR_H
#define STORE_EXECUTOR_H

#include <stddef.h>
#include <stdint.h>

/* What an answer says about the data that it acknowledges. O_SYNC, O_DSYNC, RWF_DSYNC and
 * fsync(2) reach the backing file system in each of them. */
enum durability {
	DURABILITY_MEMORY, /* in a tmpfs: survives nothing but the server's process */
	DURABILITY_LOG,	   /* in the page cache: survives the server's process, not the machine */
	DURABILITY_DSYNC,  /* data and metadata on stable storage: survives a power loss */
};

/* What the client's kernel may keep. */
enum cache {
	CACHE_NONE, /* every read, write and look at an attribute crosses the network */
	CACHE_AUTO, /* close-to-open: kept between open and close, looked at again at each open */
};

/* The names of both, for option_choice(); in their order, NULL at the end. */
extern const char *const durability_names[];
extern const char *const cache_names[];

struct executor_options {
	const char *backing; /* folder that is served */
	const char *state;   /* file for what outlives the process, outside of it; NULL: nothing */
	enum durability durability;
	enum cache cache;
};

struct executor_counts {
	uint64_t requests;
	uint64_t malformed;   /* answered by -EINVAL */
	uint64_t unsupported; /* answered by -ENOSYS */
	uint64_t strangers;   /* clients without INIT: -ENOTCONN */
	uint64_t unanswered;  /* FORGET and its like */
};

struct executor;

/* Checks that the backing file system can do what is asked. NULL after one clear line. */
struct executor *executor_open(const struct executor_options *options);
void executor_close(struct executor *e);

/* The room that an answer needs at most. */
#define EXECUTOR_ANSWER_MAX ((1u << 20) + 4096)
/* The longest request that is not malformed. */
#define EXECUTOR_REQUEST_MAX ((1u << 20) + 4096)

/*
 * Carries out the request of `client` in `in` (struct fuse_in_header and what follows it, as
 * the kernel wrote it there; checked here before anything believes it) and puts the answer
 * (struct fuse_out_header and what follows it) into `out`; both aligned to 8 bytes, `out_room`
 * EXECUTOR_ANSWER_MAX. Returns the bytes of the answer; 0 where FUSE has none (FORGET,
 * BATCH_FORGET, INTERRUPT). A request that is not well formed is answered by -EINVAL, one that is
 * not supported by -ENOSYS, and counted. A client is known from its INIT on, in each server
 * anew: before, -ENOTCONN says that INIT is to be sent (again).
 *
 * SETLKW is never waited for here: -EAGAIN tells the client's relay to ask again.
 */
size_t executor_run(struct executor *e, uint64_t client, const uint8_t *in, size_t in_bytes,
		uint8_t *out, size_t out_room);

/* The client is gone: its nodes, open files and locks are released. */
void executor_leave(struct executor *e, uint64_t client);

const struct executor_counts *executor_counts(const struct executor *e);

#endif
