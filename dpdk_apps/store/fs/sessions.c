#include "sessions.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lifecycle.h"
#include "operations.h"

/* Newer than the headers of the distributions that this is built on (7.39). */
#define DIRECT_IO_ALLOW_MMAP (1ull << 36)

/* Direct requests of asynchronous I/O count as background ones: queue depths to 32 have room. */
#define BACKGROUND_MOST 64

/* What is agreed on with the client's kernel. */
static void
agree(void *userdata, struct fuse_conn_info *conn)
{
	(void)userdata;
	/* Its kernel clears set-user-ID and knows when; we would have to guess it. */
	conn->want &= ~(unsigned int)FUSE_CAP_HANDLE_KILLPRIV;
	/* One client's kernel may not keep writes back from the others. */
	conn->want &= ~(unsigned int)FUSE_CAP_WRITEBACK_CACHE;
	conn->max_background = BACKGROUND_MOST;
}

static const struct fuse_lowlevel_ops operations = {
		.init = agree,
		.lookup = op_lookup,
		.forget = op_forget,
		.forget_multi = op_forget_multi,
		.getattr = op_getattr,
		.setattr = op_setattr,
		.readlink = op_readlink,
		.mknod = op_mknod,
		.mkdir = op_mkdir,
		.unlink = op_unlink,
		.rmdir = op_rmdir,
		.symlink = op_symlink,
		.rename = op_rename,
		.link = op_link,
		.open = op_open,
		.read = op_read,
		.write = op_write,
		.flush = op_flush,
		.release = op_release,
		.fsync = op_fsync,
		.opendir = op_opendir,
		.readdir = op_readdir,
		.readdirplus = op_readdirplus,
		.releasedir = op_releasedir,
		.fsyncdir = op_fsyncdir,
		.statfs = op_statfs,
		.setxattr = op_setxattr,
		.getxattr = op_getxattr,
		.listxattr = op_listxattr,
		.removexattr = op_removexattr,
		.access = op_access,
		.create = op_create,
		.getlk = op_getlk,
		.setlk = op_setlk,
		.flock = op_flock,
		.fallocate = op_fallocate,
		.copy_file_range = op_copy_file_range,
		.lseek = op_lseek,
};

/* libfuse's answer: into the executor's room, where the data may be already. */
static ssize_t
take_answer(int fd, struct iovec *iov, int count, void *userdata)
{
	struct executor *e = ((struct session *)userdata)->executor;
	size_t at = 0;

	(void)fd;
	for (int i = 0; i < count; i++) {
		if (iov[i].iov_len > e->answer_room - at) {
			errno = EINVAL;
			return -1;
		}
		if (iov[i].iov_len > 0 && iov[i].iov_base != e->answer + at)
			memmove(e->answer + at, iov[i].iov_base, iov[i].iov_len);
		at += iov[i].iov_len;
	}
	e->answer_bytes = at;
	return (ssize_t)at;
}

/* Never called: requests are handed to libfuse. */
static ssize_t
no_request(int fd, void *buffer, size_t bytes, void *userdata)
{
	(void)fd;
	(void)buffer;
	(void)bytes;
	(void)userdata;
	errno = ENOSYS;
	return -1;
}

struct session *
session_find(struct executor *e, uint64_t client)
{
	for (int i = 0; i < SESSIONS_MAX; i++)
		if (e->sessions[i].fuse != NULL && e->sessions[i].client == client)
			return &e->sessions[i];
	return NULL;
}

static struct session *
free_place(struct executor *e)
{
	for (int i = 0; i < SESSIONS_MAX; i++)
		if (e->sessions[i].fuse == NULL)
			return &e->sessions[i];
	return NULL;
}

struct session *
session_begin(struct executor *e, uint64_t client)
{
	static const struct fuse_custom_io io = {.writev = take_answer, .read = no_request};
	char *argv[] = {"store", NULL};
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	struct session *s = session_find(e, client);
	int nowhere;

	if (s != NULL)
		session_end(s);
	s = free_place(e);
	if (s == NULL)
		return NULL;
	*s = (struct session){.executor = e, .client = client};
	s->fuse = fuse_session_new(&args, &operations, sizeof(operations), s);
	fuse_opt_free_args(&args);
	/* libfuse wants a descriptor that it closes at the end. */
	nowhere = s->fuse != NULL ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;
	if (nowhere >= 0 && fuse_session_custom_io(s->fuse, &io, nowhere) == 0)
		return s;
	complain("libfuse makes no session: %s", strerror(errno));
	if (nowhere >= 0)
		(void)close(nowhere);
	if (s->fuse != NULL)
		session_end(s);
	return NULL;
}

void
session_end(struct session *s)
{
	fuse_session_destroy(s->fuse);
	s->fuse = NULL;
}

void
sessions_close(struct executor *e)
{
	for (int i = 0; i < SESSIONS_MAX; i++)
		if (e->sessions[i].fuse != NULL)
			session_end(&e->sessions[i]);
}

/* With direct I/O a shared mapping is refused unless its kernel was told that we know. libfuse
 * 3.14 does not know the flag, so it is put into the answer. */
static void
allow_mmap(struct executor *e, const uint8_t *in, size_t in_bytes)
{
	struct fuse_init_out *answer = (void *)(e->answer + sizeof(struct fuse_out_header));
	const struct fuse_init_in *asked = (const void *)(in + sizeof(struct fuse_in_header));

	if (e->cache != CACHE_NONE ||
			e->answer_bytes < sizeof(struct fuse_out_header) + sizeof(*answer) ||
			in_bytes < sizeof(struct fuse_in_header) + sizeof(*asked) ||
			(asked->flags & FUSE_INIT_EXT) == 0 ||
			(asked->flags2 & DIRECT_IO_ALLOW_MMAP >> 32) == 0)
		return;
	answer->flags |= FUSE_INIT_EXT;
	answer->flags2 |= DIRECT_IO_ALLOW_MMAP >> 32;
}

/* Writes to different places of a file need not wait for each other in the client's kernel.
 * libfuse 3.14 does not know this flag either. */
static void
allow_parallel_writes(struct executor *e, uint32_t opcode)
{
	size_t before = sizeof(struct fuse_out_header) +
			(opcode == FUSE_CREATE ? sizeof(struct fuse_entry_out) : 0);
	struct fuse_open_out *answer = (void *)(e->answer + before);

	if (e->answer_bytes >= before + sizeof(*answer) &&
			(answer->open_flags & FOPEN_DIRECT_IO) != 0)
		answer->open_flags |= FOPEN_PARALLEL_DIRECT_WRITES;
}

void
session_run(struct session *s, const struct fuse_in_header *header, const uint8_t *in,
		size_t in_bytes)
{
	struct executor *e = s->executor;
	struct fuse_buf request = {.mem = (void *)(uintptr_t)in, .size = in_bytes};

	if (header->opcode == FUSE_WRITE)
		e->write_flags =
				((const struct fuse_write_in *)(in + sizeof(*header)))->write_flags;
	fuse_session_process_buf(s->fuse, &request);
	if (header->opcode == FUSE_INIT)
		allow_mmap(e, in, in_bytes);
	else if (header->opcode == FUSE_OPEN || header->opcode == FUSE_CREATE)
		allow_parallel_writes(e, header->opcode);
}
