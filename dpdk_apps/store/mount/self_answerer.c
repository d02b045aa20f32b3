#include "self_answerer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lifecycle.h"

#define DATA_NODE 2
#define DATA_NAME "data"
#define BLOCK 512u
#define BACKGROUND_MOST 64
#define CONGESTED (BACKGROUND_MOST * 3 / 4)
#define PAGE 4096u
/* What the executor agrees to without a cache, as far as it matters to one file. */
#define FLAGS                                                                                      \
	(FUSE_ASYNC_READ | FUSE_ATOMIC_O_TRUNC | FUSE_BIG_WRITES | FUSE_AUTO_INVAL_DATA |          \
			FUSE_ASYNC_DIO | FUSE_MAX_PAGES | FUSE_INIT_EXT)
#define FLAGS_2 (1u << 4) /* FUSE_DIRECT_IO_ALLOW_MMAP, newer than some headers */
#define OPEN_FLAGS (FOPEN_DIRECT_IO | FOPEN_PARALLEL_DIRECT_WRITES)

/* A request that is being answered. */
struct asked {
	struct self_answerer *a;
	const struct fuse_in_header *header;
	const void *arguments;
};

/* Answers by the `bytes` at `body`. */
static void
reply(const struct asked *q, const void *body, size_t bytes)
{
	const struct fuse_out_header header = {
			.len = (uint32_t)(sizeof(header) + bytes), .unique = q->header->unique};

	memcpy(q->a->small, &header, sizeof(header));
	if (bytes > 0)
		memcpy(q->a->small + sizeof(header), body, bytes);
	q->a->answer = header.len;
}

static void
reply_error(const struct asked *q, int error)
{
	const struct fuse_out_header header = {
			.len = sizeof(header), .error = -error, .unique = q->header->unique};

	memcpy(q->a->small, &header, sizeof(header));
	q->a->answer = header.len;
}

static struct fuse_attr
attributes(const struct self_answerer *a, uint64_t node)
{
	struct fuse_attr attr = {.ino = node, .nlink = 1, .mode = S_IFREG | 0666, .blksize = PAGE};

	if (node == FUSE_ROOT_ID) {
		attr.mode = S_IFDIR | 0755;
		attr.nlink = 2;
		return attr;
	}
	attr.size = a->size;
	attr.blocks = a->size / BLOCK;
	return attr;
}

static void
answer_init(const struct asked *q)
{
	const struct fuse_init_in *in = q->arguments;
	const struct fuse_init_out out = {
			.major = FUSE_KERNEL_VERSION,
			.minor = 31,
			.max_readahead = in->max_readahead,
			.flags = FLAGS & in->flags,
			.flags2 = (in->flags & FUSE_INIT_EXT) != 0 ? FLAGS_2 & in->flags2 : 0,
			.max_background = BACKGROUND_MOST,
			.congestion_threshold = CONGESTED,
			.max_write = REQUEST_DATA_MAX,
			.time_gran = 1,
			.max_pages = REQUEST_DATA_MAX / PAGE,
	};

	reply(q, &out, sizeof(out));
}

static struct fuse_entry_out
entry(const struct self_answerer *a)
{
	return (struct fuse_entry_out){
			.nodeid = DATA_NODE, .generation = 1, .attr = attributes(a, DATA_NODE)};
}

static void
answer_lookup(const struct asked *q)
{
	const struct fuse_entry_out out = entry(q->a);

	if (q->header->nodeid == FUSE_ROOT_ID && strcmp(q->arguments, DATA_NAME) == 0)
		reply(q, &out, sizeof(out));
	else
		reply_error(q, ENOENT);
}

static void
answer_create(const struct asked *q)
{
	struct {
		struct fuse_entry_out entry;
		struct fuse_open_out open;
	} out = {.entry = entry(q->a), .open.open_flags = OPEN_FLAGS};
	const char *name = (const char *)q->arguments + sizeof(struct fuse_create_in);

	if (strcmp(name, DATA_NAME) == 0)
		reply(q, &out, sizeof(out));
	else
		reply_error(q, EROFS);
}

static void
answer_attributes(const struct asked *q)
{
	const struct fuse_attr_out out = {.attr = attributes(q->a, q->header->nodeid)};

	reply(q, &out, sizeof(out));
}

static void
answer_setattr(const struct asked *q)
{
	const struct fuse_setattr_in *in = q->arguments;

	if ((in->valid & FATTR_SIZE) != 0 && q->header->nodeid == DATA_NODE)
		q->a->size = in->size;
	answer_attributes(q);
}

static void
answer_open(const struct asked *q)
{
	const struct fuse_open_out out = {
			.open_flags = q->header->opcode == FUSE_OPEN ? OPEN_FLAGS : 0};

	reply(q, &out, sizeof(out));
}

static void
answer_read(const struct asked *q)
{
	const struct fuse_read_in *in = q->arguments;
	struct self_answerer *a = q->a;
	uint64_t left = in->offset < a->size ? a->size - in->offset : 0;
	uint64_t bytes = in->size < left ? in->size : left;
	struct fuse_out_header *header = (void *)a->zeros;

	if (bytes > REQUEST_DATA_MAX)
		bytes = REQUEST_DATA_MAX;
	*header = (struct fuse_out_header){
			.len = (uint32_t)(sizeof(*header) + bytes), .unique = q->header->unique};
	a->answer = header->len;
	a->at = a->zeros;
}

static void
answer_write(const struct asked *q)
{
	const struct fuse_write_in *in = q->arguments;
	const struct fuse_write_out out = {.size = in->size};

	if (in->offset + in->size > q->a->size)
		q->a->size = in->offset + in->size;
	reply(q, &out, sizeof(out));
}

static void
answer_fallocate(const struct asked *q)
{
	const struct fuse_fallocate_in *in = q->arguments;

	if (in->mode != 0) {
		reply_error(q, EOPNOTSUPP);
		return;
	}
	if (in->offset + in->length > q->a->size)
		q->a->size = in->offset + in->length;
	reply(q, NULL, 0);
}

static void
answer_readdir(const struct asked *q)
{
	const struct fuse_read_in *in = q->arguments;
	_Alignas(8) uint8_t out[FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + sizeof(DATA_NAME) - 1)] = {0};
	const struct fuse_dirent dirent = {.ino = DATA_NODE,
			.off = 1,
			.namelen = sizeof(DATA_NAME) - 1,
			.type = S_IFREG >> 12};

	memcpy(out, &dirent, FUSE_NAME_OFFSET);
	memcpy(out + FUSE_NAME_OFFSET, DATA_NAME, sizeof(DATA_NAME) - 1);
	reply(q, out, in->offset == 0 && in->size >= sizeof(out) ? sizeof(out) : 0);
}

static void
answer_statfs(const struct asked *q)
{
	const struct fuse_statfs_out out = {.st = {.bsize = PAGE, .frsize = PAGE, .namelen = 255}};

	reply(q, &out, sizeof(out));
}

static void
answer_done(const struct asked *q)
{
	reply(q, NULL, 0);
}

static void
answer_forget(const struct asked *q)
{
	q->a->answer = 0;
}

static void (*const answers[])(const struct asked *q) = {
		[FUSE_LOOKUP] = answer_lookup,
		[FUSE_FORGET] = answer_forget,
		[FUSE_GETATTR] = answer_attributes,
		[FUSE_SETATTR] = answer_setattr,
		[FUSE_OPEN] = answer_open,
		[FUSE_READ] = answer_read,
		[FUSE_WRITE] = answer_write,
		[FUSE_STATFS] = answer_statfs,
		[FUSE_RELEASE] = answer_done,
		[FUSE_FSYNC] = answer_done,
		[FUSE_FLUSH] = answer_done,
		[FUSE_INIT] = answer_init,
		[FUSE_OPENDIR] = answer_open,
		[FUSE_READDIR] = answer_readdir,
		[FUSE_RELEASEDIR] = answer_done,
		[FUSE_FSYNCDIR] = answer_done,
		[FUSE_ACCESS] = answer_done,
		[FUSE_CREATE] = answer_create,
		[FUSE_DESTROY] = answer_done,
		[FUSE_BATCH_FORGET] = answer_forget,
		[FUSE_FALLOCATE] = answer_fallocate,
};

static int
answer_at_once(struct answerer *base, uint64_t token, const uint8_t *request, uint32_t bytes,
		uint64_t now, uint64_t deadline)
{
	struct self_answerer *a = (struct self_answerer *)base;
	const struct asked q = {.a = a,
			.header = (const void *)request,
			.arguments = request + sizeof(struct fuse_in_header)};
	uint32_t opcode = q.header->opcode;

	(void)bytes;
	(void)now;
	(void)deadline;
	a->at = a->small;
	if (opcode < sizeof(answers) / sizeof(answers[0]) && answers[opcode] != NULL)
		answers[opcode](&q);
	else
		reply_error(&q, ENOSYS);
	base->done(base->self, token, RPC_ANSWERED, a->at, a->answer);
	return 0;
}

static uint64_t
nothing_due(struct answerer *a, uint64_t now)
{
	(void)a;
	(void)now;
	return UINT64_MAX;
}

struct self_answerer *
self_answerer_create(uint64_t size)
{
	static const struct answerer_calls calls = {.send = answer_at_once, .poll = nothing_due};
	struct self_answerer *a = calloc(1, sizeof(*a));

	if (a == NULL) {
		complain("out of memory");
		return NULL;
	}
	a->answerer = (struct answerer){.calls = &calls, .state = ANSWERER_OPEN};
	a->size = size;
	return a;
}
