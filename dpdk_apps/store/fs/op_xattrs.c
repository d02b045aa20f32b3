#include "operations.h"

#include <errno.h>
#include <linux/limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "permission.h"

#define PATH_BYTES 32

/*
 * Who may use an attribute: `user.`, which files and folders have, who may read or write them;
 * `trusted.`, which all have, root. `security.` and `system.` (POSIX ACLs) mean something to the
 * server's kernel, which is not the client's: they are not served. 0, or an errno.
 */
static int
may_use(const struct stat *file, const char *name, const struct fuse_ctx *who, int mask)
{
	int not_here = mask == R_OK ? ENODATA : EPERM;

	if (strncmp(name, "trusted.", 8) == 0)
		return who->uid == 0 ? 0 : not_here;
	if (strncmp(name, "user.", 5) != 0)
		return mask == R_OK && strncmp(name, "security.", 9) == 0 ? ENODATA : EOPNOTSUPP;
	if (!S_ISREG(file->st_mode) && !S_ISDIR(file->st_mode))
		return not_here;
	return permission_possible(file, who->uid, who->gid, mask) ? 0 : EACCES;
}

/* A path to the node, since the calls take no O_PATH descriptor; false with errno. */
static bool
path_of(struct session *s, fuse_ino_t ino, struct stat *file, char path[PATH_BYTES])
{
	int fd = nodes_path(s->executor->nodes, s->client, ino);

	if (fd < 0 || fstat(fd, file) != 0)
		return false;
	(void)snprintf(path, PATH_BYTES, "/proc/self/fd/%d", fd);
	return true;
}

/* The same for an attribute that the user may use. */
static bool
path_to_use(fuse_req_t req, fuse_ino_t ino, const char *name, int mask, char path[PATH_BYTES])
{
	struct stat file;
	int refused;

	if (!path_of(session_of(req), ino, &file, path))
		return false;
	refused = may_use(&file, name, fuse_req_ctx(req), mask);
	errno = refused;
	return refused == 0;
}

void
op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size,
		int flags)
{
	char path[PATH_BYTES];

	if (!path_to_use(req, ino, name, W_OK, path) ||
			setxattr(path, name, value, size, flags) != 0 ||
			settle_node(session_of(req), ino) != 0)
		answer_errno(req, errno);
	else
		answer_errno(req, 0);
}

void
op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	char path[PATH_BYTES];

	if (!path_to_use(req, ino, name, W_OK, path) || removexattr(path, name) != 0 ||
			settle_node(session_of(req), ino) != 0)
		answer_errno(req, errno);
	else
		answer_errno(req, 0);
}

/* `size` 0 asks how many bytes there are. */
static void
answer_sized(fuse_req_t req, size_t size, const char *data, ssize_t bytes)
{
	if (bytes < 0)
		answer_errno(req, errno);
	else if (size == 0)
		(void)fuse_reply_xattr(req, (size_t)bytes);
	else
		(void)fuse_reply_buf(req, data, (size_t)bytes);
}

void
op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	char *room = data_room(session_of(req)->executor);
	char path[PATH_BYTES];

	if (!path_to_use(req, ino, name, R_OK, path))
		answer_errno(req, errno);
	else
		answer_sized(req, size, room, getxattr(path, name, room, size));
}

/* Leaves those in the list that may be used. Its new length. */
static size_t
keep_served(char *list, size_t bytes, const struct fuse_ctx *who)
{
	size_t kept = 0, length;

	for (size_t at = 0; at < bytes; at += length) {
		length = strlen(list + at) + 1;
		if (strncmp(list + at, "user.", 5) != 0 &&
				(strncmp(list + at, "trusted.", 8) != 0 || who->uid != 0))
			continue;
		memmove(list + kept, list + at, length);
		kept += length;
	}
	return kept;
}

void
op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	struct session *s = session_of(req);
	char *room = data_room(s->executor);
	char path[PATH_BYTES];
	struct stat file;
	ssize_t bytes;

	if (!path_of(s, ino, &file, path)) {
		answer_errno(req, errno);
		return;
	}
	bytes = listxattr(path, room, XATTR_LIST_MAX);
	if (bytes > 0)
		bytes = (ssize_t)keep_served(room, (size_t)bytes, fuse_req_ctx(req));
	if (bytes >= 0 && size > 0 && (size_t)bytes > size) {
		errno = ERANGE;
		bytes = -1;
	}
	answer_sized(req, size, room, bytes);
}
