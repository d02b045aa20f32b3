#include "operations.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* The one thread that serves all is not to copy a whole disk; less than asked for is allowed. */
#define COPY_AT_ONCE (16u << 20)
/* What FUSE has no word for, and would be to fill gigabytes at a time, is FALLOC_FL_* beyond. */
#define ALLOCATE_MODES                                                                             \
	(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_COLLAPSE_RANGE |                   \
			FALLOC_FL_ZERO_RANGE | FALLOC_FL_INSERT_RANGE)

static int
fd_of(struct session *s, const struct fuse_file_info *fi)
{
	return open_files_fd(s->executor->opens, s->client, fi->fh, OPEN_FILE);
}

void
op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct session *s = session_of(req);
	int fd = fd_of(s, fi);
	ssize_t got = fd >= 0 ? pread(fd, data_room(s->executor), size, offset) : -1;

	(void)ino;
	if (got < 0)
		answer_errno(req, errno);
	else
		(void)fuse_reply_buf(req, data_room(s->executor), (size_t)got);
}

/* How this WRITE is written: the flags of the file as they are at this write. */
static int
write_flags(const struct executor *e, int flags)
{
	int how = (flags & O_APPEND) != 0 ? RWF_APPEND : 0;

	if ((flags & O_SYNC) == O_SYNC)
		return how | RWF_SYNC;
	if ((flags & O_DSYNC) != 0 || e->durability == DURABILITY_DSYNC)
		return how | RWF_DSYNC;
	return how;
}

/* Who writes is not root: set-user-ID goes, and set-group-ID where the group may run it. */
static int
clear_set_id(int fd)
{
	struct stat file;
	mode_t mode;

	if (fstat(fd, &file) != 0)
		return -1;
	mode = file.st_mode & ~(mode_t)S_ISUID;
	if ((mode & S_IXGRP) != 0)
		mode &= ~(mode_t)S_ISGID;
	return mode != file.st_mode ? fchmod(fd, mode & ~(mode_t)S_IFMT) : 0;
}

void
op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset,
		struct fuse_file_info *fi)
{
	struct session *s = session_of(req);
	struct iovec rest = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};
	int fd = fd_of(s, fi), how = write_flags(s->executor, fi->flags);
	ssize_t put = -1;

	(void)ino;
	if (fd >= 0 && ((s->executor->write_flags & FUSE_WRITE_KILL_SUIDGID) == 0 ||
				       clear_set_id(fd) == 0))
		put = pwritev2(fd, &rest, 1, offset, how);
	if (put < 0)
		answer_errno(req, errno);
	else
		(void)fuse_reply_write(req, (size_t)put);
}

void
op_lseek(fuse_req_t req, fuse_ino_t ino, off_t offset, int whence, struct fuse_file_info *fi)
{
	struct session *s = session_of(req);
	int fd = fd_of(s, fi);
	off_t at = fd >= 0 ? lseek(fd, offset, whence) : -1;

	(void)ino;
	if (at < 0)
		answer_errno(req, errno);
	else
		(void)fuse_reply_lseek(req, at);
}

void
op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t length,
		struct fuse_file_info *fi)
{
	struct session *s = session_of(req);
	int fd = fd_of(s, fi);

	(void)ino;
	if ((mode & ~ALLOCATE_MODES) != 0)
		answer_errno(req, EOPNOTSUPP);
	else if (fd < 0 || fallocate(fd, mode, offset, length) != 0 ||
			settle_file(s->executor, fd) != 0)
		answer_errno(req, errno);
	else
		answer_errno(req, 0);
}

void
op_copy_file_range(fuse_req_t req, fuse_ino_t ino_in, off_t offset_in, struct fuse_file_info *fi_in,
		fuse_ino_t ino_out, off_t offset_out, struct fuse_file_info *fi_out, size_t length,
		int flags)
{
	struct session *s = session_of(req);
	int from = fd_of(s, fi_in), to = from >= 0 ? fd_of(s, fi_out) : -1;
	ssize_t copied = -1;

	(void)ino_in;
	(void)ino_out;
	if (flags != 0)
		errno = EINVAL;
	else if (to >= 0)
		copied = copy_file_range(from, &offset_in, to, &offset_out,
				length < COPY_AT_ONCE ? length : COPY_AT_ONCE, 0);
	if (copied < 0 || settle_file(s->executor, to) != 0)
		answer_errno(req, errno);
	else
		(void)fuse_reply_write(req, (size_t)copied);
}
