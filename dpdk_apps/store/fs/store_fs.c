#include "store_fs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "backing.h"
#include "lifecycle.h"
#include "request_check.h"
#include "sessions.h"

#define NODES_MOST (1u << 20)
#define OPENS_MOST (1u << 16)
#define LOCKS_MOST (1u << 14)
/* Of the descriptors that the process may have, so many are left to the rest of the server. */
#define DESCRIPTORS_APART 1024
#define DESCRIPTORS_LEAST 4096

_Static_assert(EXECUTOR_REQUEST_MAX == REQUEST_BYTES_MAX, "the same bound in both headers");
_Static_assert(sizeof(struct fuse_out_header) == 16, "data_room() is behind the header");

void
answer_errno(fuse_req_t req, int error)
{
	(void)fuse_reply_err(req, error);
}

/* How many descriptors there may be, once the limit was raised; 0 where there are too few. */
static uint32_t
descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 0;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < DESCRIPTORS_LEAST) {
		complain("%llu open files are allowed, the store needs %d: raise the hard limit "
			 "(ulimit -Hn)",
				(unsigned long long)limit.rlim_max, DESCRIPTORS_LEAST);
		return 0;
	}
	return limit.rlim_cur > UINT32_MAX ? UINT32_MAX : (uint32_t)limit.rlim_cur;
}

static int
open_tables(struct executor *e, const struct executor_options *options)
{
	uint32_t most = descriptors();
	/* Half for files that are open, what is left for nodes: they can be opened again. */
	uint32_t opens = (most - DESCRIPTORS_APART) / 2;
	struct file_id root;

	if (most == 0)
		return -1;
	if (opens > OPENS_MOST)
		opens = OPENS_MOST;
	if (file_id_get(e->root, &root) != 0) {
		complain("--backing %s: %s", options->backing, strerror(errno));
		return -1;
	}
	if (state_open(&e->state, options->state, &root, NODES_MOST, opens) != 0)
		return -1;
	most -= opens + DESCRIPTORS_APART;
	e->nodes = nodes_open(&e->state, e->root, most > OPENS_MOST ? OPENS_MOST : most);
	e->opens = e->nodes != NULL ? open_files_open(&e->state, e->nodes) : NULL;
	e->locks = locks_open(LOCKS_MOST);
	if (e->opens != NULL && e->locks != NULL)
		return 0;
	complain("cannot make the tables of nodes: %s", strerror(errno));
	return -1;
}

struct executor *
executor_open(const struct executor_options *options)
{
	struct executor *e = calloc(1, sizeof(*e));

	if (e == NULL) {
		complain("out of memory");
		return NULL;
	}
	e->durability = options->durability;
	e->cache = options->cache;
	e->state.fd = -1;
	e->processes = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	e->root = backing_open(options->backing, options->durability);
	if (e->processes < 0)
		complain("cannot open /proc/self/fd: mount /proc");
	if (e->processes < 0 || e->root < 0 || open_tables(e, options) != 0) {
		executor_close(e);
		return NULL;
	}
	return e;
}

void
executor_close(struct executor *e)
{
	if (e == NULL)
		return;
	sessions_close(e);
	open_files_close(e->opens);
	nodes_close(e->nodes);
	locks_close(e->locks);
	state_close(&e->state);
	if (e->root >= 0)
		(void)close(e->root);
	if (e->processes >= 0)
		(void)close(e->processes);
	free(e);
}

void
executor_leave(struct executor *e, uint64_t client)
{
	struct session *s = session_find(e, client);

	if (s != NULL)
		session_end(s);
	open_files_leave(e->opens, client);
	locks_leave(e->locks, client);
	nodes_leave(e->nodes, client);
}

const struct executor_counts *
executor_counts(const struct executor *e)
{
	return &e->counts;
}

/* An answer without libfuse. */
static size_t
refuse(struct executor *e, const struct fuse_in_header *header, int error, uint64_t *count)
{
	struct fuse_out_header answer = {
			.len = sizeof(answer), .error = -error, .unique = header->unique};

	(*count)++;
	if (header->opcode == FUSE_FORGET || header->opcode == FUSE_BATCH_FORGET ||
			header->opcode == FUSE_INTERRUPT) {
		e->counts.unanswered++;
		return 0;
	}
	memcpy(e->answer, &answer, sizeof(answer));
	return sizeof(answer);
}

/* The session that is to carry out the request; NULL where there is none. */
static struct session *
session_for(struct executor *e, uint64_t client, const struct fuse_in_header *header)
{
	/* INIT begins anew: libfuse takes it once in a session's life. */
	return header->opcode == FUSE_INIT ? session_begin(e, client) : session_find(e, client);
}

size_t
executor_run(struct executor *e, uint64_t client, const uint8_t *in, size_t in_bytes, uint8_t *out,
		size_t out_room)
{
	struct fuse_in_header header = {0};
	enum request_verdict verdict = request_check(in, in_bytes);
	struct session *s;

	memcpy(&header, in, in_bytes < sizeof(header) ? in_bytes : sizeof(header));
	e->answer = out;
	e->answer_room = out_room;
	e->answer_bytes = 0;
	e->counts.requests++;
	if (verdict == REQUEST_MALFORMED || out_room < EXECUTOR_ANSWER_MAX)
		return refuse(e, &header, EINVAL, &e->counts.malformed);
	if (verdict == REQUEST_UNSUPPORTED)
		return refuse(e, &header, ENOSYS, &e->counts.unsupported);
	/* Each request has its answer before the next one begins: nothing to interrupt. */
	if (header.opcode == FUSE_INTERRUPT) {
		e->counts.unanswered++;
		return 0;
	}
	s = session_for(e, client, &header);
	if (s == NULL)
		return refuse(e, &header, ENOTCONN, &e->counts.strangers);
	session_run(s, &header, in, in_bytes);
	/* Its kernel has unmounted: libfuse's session is over, and so is what the client held. */
	if (header.opcode == FUSE_DESTROY)
		executor_leave(e, client);
	if (e->answer_bytes == 0)
		e->counts.unanswered++;
	return e->answer_bytes;
}
