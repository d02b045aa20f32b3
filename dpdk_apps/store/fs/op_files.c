#include "operations.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "permission.h"

/* What of the client's flags the backing file is opened with. O_APPEND, O_SYNC and O_DSYNC come
 * with each WRITE, O_DIRECT is between the client and its kernel. */
#define OPEN_FLAGS (O_ACCMODE | O_TRUNC | O_NOATIME)

static int
wanted_by(int flags)
{
	int mask = (flags & O_ACCMODE) == O_WRONLY ? W_OK
		   : (flags & O_ACCMODE) == O_RDWR ? R_OK | W_OK
						   : R_OK;

	return (flags & O_TRUNC) != 0 ? mask | W_OK : mask;
}

/* Whether the user may be permitted to open the node, which is to be a regular file. Its program
 * may be one that it may run and not read: FUSE does not tell the two apart. */
static int
may_open(struct session *s, const struct fuse_ctx *who, fuse_ino_t ino, int flags)
{
	int fd = nodes_path(s->executor->nodes, s->client, ino);
	struct stat file;

	if (fd < 0 || fstat(fd, &file) != 0)
		return errno;
	/* To open a device or a pipe here would be to use the server's. */
	if (!S_ISREG(file.st_mode))
		return S_ISDIR(file.st_mode) ? EISDIR : S_ISLNK(file.st_mode) ? ELOOP : ENXIO;
	if (permission_possible(&file, who->uid, who->gid, wanted_by(flags)) ||
			(wanted_by(flags) == R_OK &&
					permission_possible(&file, who->uid, who->gid, X_OK)))
		return 0;
	return EACCES;
}

uint64_t
file_open(struct session *s, const struct fuse_ctx *who, fuse_ino_t ino, int flags)
{
	struct executor *e = s->executor;
	int fd;

	errno = may_open(s, who, ino, flags);
	if (errno != 0)
		return 0;
	fd = nodes_reopen(e->nodes, s->client, ino, flags & OPEN_FLAGS);
	if (fd < 0)
		return 0;
	if ((flags & O_TRUNC) != 0 && settle_file(e, fd) != 0) {
		int reason = errno;

		(void)close(fd);
		errno = reason;
		return 0;
	}
	return open_files_add(e->opens, s->client, ino, fd, flags & OPEN_FLAGS, OPEN_FILE);
}

void
op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct session *s = session_of(req);

	fi->fh = file_open(s, fuse_req_ctx(req), ino, fi->flags);
	fi->direct_io = s->executor->cache == CACHE_NONE;
	if (fi->fh == 0)
		answer_errno(req, errno);
	else
		(void)fuse_reply_open(req, fi);
}

void
op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct session *s = session_of(req);

	if (fi->flock_release)
		locks_end(s, ino, fi->lock_owner, true);
	answer_errno(req, open_files_release(s->executor->opens, s->client, fi->fh, OPEN_FILE) == 0
					  ? 0
					  : errno);
}

void
op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct session *s = session_of(req);

	/* POSIX gives up all of a process's locks of a file whenever it closes it once. */
	locks_end(s, ino, fi->lock_owner, false);
	answer_errno(req, open_files_fd(s->executor->opens, s->client, fi->fh, OPEN_FILE) >= 0
					  ? 0
					  : errno);
}

void
op_fsync(fuse_req_t req, fuse_ino_t ino, int data_only, struct fuse_file_info *fi)
{
	struct session *s = session_of(req);
	int fd = open_files_fd(s->executor->opens, s->client, fi->fh, OPEN_FILE);

	(void)ino;
	if (fd < 0 || (data_only ? fdatasync(fd) : fsync(fd)) != 0)
		answer_errno(req, errno);
	else
		answer_errno(req, 0);
}
