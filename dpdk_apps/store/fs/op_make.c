#include "operations.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "credentials.h"
#include "permission.h"

/* The folder in which the user may be permitted to make entries; -1 with errno. */
static int
folder_to_make_in(struct session *s, const struct fuse_ctx *who, fuse_ino_t parent)
{
	int fd = nodes_path(s->executor->nodes, s->client, parent);
	struct stat folder;

	if (fd < 0 || fstat(fd, &folder) != 0)
		return -1;
	if (permission_possible(&folder, who->uid, who->gid, W_OK | X_OK))
		return fd;
	errno = EACCES;
	return -1;
}

/* Answers with the entry that was made, `made` being what making it returned. */
static void
answer_made(fuse_req_t req, fuse_ino_t parent, const char *name, int made)
{
	static const struct fuse_ctx root; /* a folder's maker may not be one of its readers */
	struct session *s = session_of(req);
	struct fuse_entry_param entry;

	if (made != 0 || settle_node(s, parent) != 0 ||
			entry_look_up(s, &root, parent, name, &entry) != 0)
		answer_errno(req, errno);
	else
		(void)fuse_reply_entry(req, &entry);
}

void
op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	const struct fuse_ctx *who = fuse_req_ctx(req);
	int folder = folder_to_make_in(session_of(req), who, parent), made = -1;

	if (folder >= 0 && credentials_take(who->uid, who->gid) == 0) {
		made = mkdirat(folder, name, mode);
		credentials_give_back();
	}
	answer_made(req, parent, name, made);
}

void
op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device)
{
	const struct fuse_ctx *who = fuse_req_ctx(req);
	int folder = folder_to_make_in(session_of(req), who, parent), made = -1;

	if (folder >= 0 && who->uid != 0 && (S_ISCHR(mode) || S_ISBLK(mode))) {
		errno = EPERM;
	} else if (folder >= 0 && credentials_take(who->uid, who->gid) == 0) {
		made = mknodat(folder, name, mode, device);
		credentials_give_back();
	}
	answer_made(req, parent, name, made);
}

void
op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	const struct fuse_ctx *who = fuse_req_ctx(req);
	int folder = folder_to_make_in(session_of(req), who, parent), made = -1;

	if (folder >= 0 && credentials_take(who->uid, who->gid) == 0) {
		made = symlinkat(target, folder, name);
		credentials_give_back();
	}
	answer_made(req, parent, name, made);
}

void
op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	struct session *s = session_of(req);
	int folder = folder_to_make_in(s, fuse_req_ctx(req), parent);
	int fd = folder >= 0 ? nodes_path(s->executor->nodes, s->client, ino) : -1, made = -1;

	if (fd >= 0)
		made = linkat(fd, "", folder, name, AT_EMPTY_PATH);
	answer_made(req, parent, name, made);
}

/* Makes a regular file that was not there. A descriptor, or -1 with errno. */
static int
make_file(const struct fuse_ctx *who, int folder, const char *name, mode_t mode, int flags)
{
	int fd = -1;

	if (credentials_take(who->uid, who->gid) == 0) {
		fd = openat(folder, name, flags | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
		credentials_give_back();
	}
	return fd;
}

/* The handle of a file that was made and is open as `fd`, which is taken; 0 with errno. */
static uint64_t
keep_made(struct session *s, fuse_ino_t parent, int fd, int flags, struct fuse_entry_param *entry)
{
	struct executor *e = s->executor;

	*entry = (struct fuse_entry_param){.generation = 1, .attr_timeout = attributes_timeout(e)};
	if (settle_file(e, fd) == 0 && settle_node(s, parent) == 0 && fstat(fd, &entry->attr) == 0)
		entry->ino = nodes_enter_open(e->nodes, s->client, fd);
	if (entry->ino != 0)
		return open_files_add(e->opens, s->client, entry->ino, fd, flags, OPEN_FILE);
	flags = errno;
	(void)close(fd);
	errno = flags;
	return 0;
}

void
op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		struct fuse_file_info *fi)
{
	struct session *s = session_of(req);
	const struct fuse_ctx *who = fuse_req_ctx(req);
	int folder = folder_to_make_in(s, who, parent), fd = -1;
	int flags = fi->flags & (O_ACCMODE | O_NOATIME);
	struct fuse_entry_param entry = {0};

	if (folder >= 0)
		fd = make_file(who, folder, name, mode & ~(mode_t)S_IFMT, flags);
	if (fd >= 0)
		fi->fh = keep_made(s, parent, fd, flags, &entry);
	else if (folder >= 0 && errno == EEXIST && (fi->flags & O_EXCL) == 0 &&
			entry_look_up(s, who, parent, name, &entry) == 0)
		/* Another client was first: its file is opened. */
		fi->fh = file_open(s, who, entry.ino, fi->flags);
	if (fi->fh == 0) {
		fd = errno;
		if (entry.ino != 0)
			nodes_forget(s->executor->nodes, s->client, entry.ino, 1);
		answer_errno(req, fd);
		return;
	}
	fi->direct_io = s->executor->cache == CACHE_NONE;
	(void)fuse_reply_create(req, &entry, fi);
}
