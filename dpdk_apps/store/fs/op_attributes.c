#include "operations.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "permission.h"

#define TIMES (FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME)
#define TIMES_NOW (FUSE_SET_ATTR_ATIME_NOW | FUSE_SET_ATTR_MTIME_NOW)
#define OWNERS (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID)

/* A descriptor of the open file or, where none is named, of the node (O_PATH). */
static int
descriptor_of(struct session *s, fuse_ino_t ino, const struct fuse_file_info *fi)
{
	if (fi != NULL)
		return open_files_fd(s->executor->opens, s->client, fi->fh, OPEN_FILE);
	return nodes_path(s->executor->nodes, s->client, ino);
}

void
op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct session *s = session_of(req);
	int fd = descriptor_of(s, ino, fi);
	struct stat file;

	if (fd < 0 || fstat(fd, &file) != 0)
		answer_errno(req, errno);
	else
		(void)fuse_reply_attr(req, &file, attributes_timeout(s->executor));
}

/* Refuses what no groups could permit: 0, or an errno. */
static int
may_set(const struct stat *file, const struct stat *wanted, int which, const struct fuse_ctx *who,
		bool open)
{
	bool owner = who->uid == 0 || who->uid == file->st_uid;
	int times = which & TIMES, now = which & TIMES_NOW;

	if ((which & FUSE_SET_ATTR_MODE) != 0 &&
			!permission_to_set_mode(file, who->uid, wanted->st_mode))
		return EPERM;
	if ((which & OWNERS) != 0 && !owner)
		return EPERM;
	if ((which & FUSE_SET_ATTR_UID) != 0 && who->uid != 0 && wanted->st_uid != file->st_uid)
		return EPERM;
	/* To a time of one's choice only the owner may set it; to now, who may write. */
	if (times != 0 && !owner && (times != TIMES || now != TIMES_NOW) &&
			(which & FUSE_SET_ATTR_SIZE) == 0)
		return EPERM;
	if (((which & FUSE_SET_ATTR_SIZE) != 0 || times != 0) && !owner && !open &&
			!permission_possible(file, who->uid, who->gid, W_OK))
		return EACCES;
	if ((which & FUSE_SET_ATTR_SIZE) != 0 && !open &&
			!permission_possible(file, who->uid, who->gid, W_OK))
		return EACCES;
	return 0;
}

static int
set_size(struct session *s, fuse_ino_t ino, const struct fuse_file_info *fi,
		const struct stat *file, off_t size)
{
	int fd, result, reason;

	if (fi != NULL) {
		fd = open_files_fd(s->executor->opens, s->client, fi->fh, OPEN_FILE);
		return fd >= 0 ? ftruncate(fd, size) : -1;
	}
	if (!S_ISREG(file->st_mode)) {
		errno = EINVAL;
		return -1;
	}
	fd = nodes_reopen(s->executor->nodes, s->client, ino, O_WRONLY);
	if (fd < 0)
		return -1;
	result = ftruncate(fd, size);
	reason = errno;
	(void)close(fd);
	errno = reason;
	return result;
}

/* By way of /proc: fchmod(2) takes no O_PATH descriptor. */
static int
set_mode(const struct executor *e, int fd, mode_t mode)
{
	char name[16];

	(void)snprintf(name, sizeof(name), "%d", fd);
	return fchmodat(e->processes, name, mode, 0);
}

static struct timespec
time_to_set(int which, int set, int now, struct timespec wanted)
{
	if ((which & now) != 0)
		return (struct timespec){.tv_nsec = UTIME_NOW};
	return (which & set) != 0 ? wanted : (struct timespec){.tv_nsec = UTIME_OMIT};
}

static int
set_times(int fd, const struct stat *wanted, int which)
{
	const struct timespec times[2] = {
			time_to_set(which, FUSE_SET_ATTR_ATIME, FUSE_SET_ATTR_ATIME_NOW,
					wanted->st_atim),
			time_to_set(which, FUSE_SET_ATTR_MTIME, FUSE_SET_ATTR_MTIME_NOW,
					wanted->st_mtim),
	};

	return utimensat(fd, "", times, AT_EMPTY_PATH);
}

/* The owner before the mode, since changing it clears set-user-ID; the size before the times. */
static int
set_all(struct session *s, fuse_ino_t ino, const struct fuse_file_info *fi, int fd,
		const struct stat *file, const struct stat *wanted, int which)
{
	uid_t uid = (which & FUSE_SET_ATTR_UID) != 0 ? wanted->st_uid : (uid_t)-1;
	gid_t gid = (which & FUSE_SET_ATTR_GID) != 0 ? wanted->st_gid : (gid_t)-1;

	if ((which & OWNERS) != 0 && fchownat(fd, "", uid, gid, AT_EMPTY_PATH) != 0)
		return -1;
	if ((which & FUSE_SET_ATTR_SIZE) != 0 && set_size(s, ino, fi, file, wanted->st_size) != 0)
		return -1;
	if ((which & FUSE_SET_ATTR_MODE) != 0 &&
			set_mode(s->executor, fd, wanted->st_mode & ~(mode_t)S_IFMT) != 0)
		return -1;
	if ((which & (TIMES | TIMES_NOW)) != 0 && set_times(fd, wanted, which) != 0)
		return -1;
	return 0;
}

void
op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *wanted, int which,
		struct fuse_file_info *fi)
{
	struct session *s = session_of(req);
	int fd = descriptor_of(s, ino, fi), refused;
	struct stat file;

	if (fd < 0 || fstat(fd, &file) != 0) {
		answer_errno(req, errno);
		return;
	}
	refused = may_set(&file, wanted, which, fuse_req_ctx(req), fi != NULL);
	if (refused != 0)
		answer_errno(req, refused);
	else if (set_all(s, ino, fi, fd, &file, wanted, which) != 0 ||
			(fi != NULL ? settle_file(s->executor, fd) : settle_node(s, ino)) != 0 ||
			fstat(fd, &file) != 0)
		answer_errno(req, errno);
	else
		(void)fuse_reply_attr(req, &file, attributes_timeout(s->executor));
}

void
op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct session *s = session_of(req);
	int fd = nodes_path(s->executor->nodes, s->client, ino);
	char target[PATH_MAX];
	ssize_t bytes = fd >= 0 ? readlinkat(fd, "", target, sizeof(target) - 1) : -1;

	if (bytes < 0) {
		answer_errno(req, errno);
		return;
	}
	target[bytes] = '\0';
	(void)fuse_reply_readlink(req, target);
}

void
op_access(fuse_req_t req, fuse_ino_t ino, int mask)
{
	struct session *s = session_of(req);
	const struct fuse_ctx *who = fuse_req_ctx(req);
	int fd = nodes_path(s->executor->nodes, s->client, ino);
	struct stat file;

	if (fd < 0 || fstat(fd, &file) != 0)
		answer_errno(req, errno);
	else
		answer_errno(req,
				permission_possible(&file, who->uid, who->gid, mask) ? 0 : EACCES);
}

void
op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct session *s = session_of(req);
	struct statvfs system;

	(void)ino;
	if (fstatvfs(s->executor->root, &system) != 0)
		answer_errno(req, errno);
	else
		(void)fuse_reply_statfs(req, &system);
}
