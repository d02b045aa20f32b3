#include "operations.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "permission.h"

/* The entry itself, be it a symlink; never through another mount or out of the folder. */
static int
open_entry(int folder, const char *name)
{
	struct open_how how = {.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
			.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS};

	return (int)syscall(SYS_openat2, folder, name, &how, sizeof(how));
}

/* The folder's descriptor, if what the user wants there could be permitted. */
static int
folder_for(struct session *s, const struct fuse_ctx *who, fuse_ino_t ino, int mask)
{
	int fd = nodes_path(s->executor->nodes, s->client, ino);
	struct stat folder;

	if (fd < 0 || who->uid == 0)
		return fd;
	if (fstat(fd, &folder) != 0)
		return -1;
	if (permission_possible(&folder, who->uid, who->gid, mask))
		return fd;
	errno = EACCES;
	return -1;
}

int
entry_look_up(struct session *s, const struct fuse_ctx *who, fuse_ino_t parent, const char *name,
		struct fuse_entry_param *entry)
{
	struct executor *e = s->executor;
	int folder = folder_for(s, who, parent, X_OK), fd;

	*entry = (struct fuse_entry_param){.generation = 1, .attr_timeout = attributes_timeout(e)};
	if (folder < 0)
		return -1;
	fd = open_entry(folder, name);
	if (fd < 0)
		return -1;
	if (fstat(fd, &entry->attr) != 0) {
		int reason = errno;

		(void)close(fd);
		errno = reason;
		return -1;
	}
	entry->ino = nodes_enter(e->nodes, s->client, fd);
	return entry->ino != 0 ? 0 : -1;
}

void
op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param entry;

	if (entry_look_up(session_of(req), fuse_req_ctx(req), parent, name, &entry) != 0)
		answer_errno(req, errno);
	else
		(void)fuse_reply_entry(req, &entry);
}

void
op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups)
{
	struct session *s = session_of(req);

	nodes_forget(s->executor->nodes, s->client, ino, lookups);
	fuse_reply_none(req);
}

void
op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	struct session *s = session_of(req);

	for (size_t i = 0; i < count; i++)
		nodes_forget(s->executor->nodes, s->client, forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
}

/* A folder from which the user may be permitted to take the entry; -1 with errno. */
static int
folder_to_remove_from(
		struct session *s, const struct fuse_ctx *who, fuse_ino_t parent, const char *name)
{
	int folder = folder_for(s, who, parent, W_OK | X_OK);
	struct stat around, entry;

	if (folder < 0 || who->uid == 0)
		return folder;
	if (fstat(folder, &around) != 0 || fstatat(folder, name, &entry, AT_SYMLINK_NOFOLLOW) != 0)
		return -1;
	if (permission_to_remove(&around, &entry, who->uid))
		return folder;
	errno = EPERM;
	return -1;
}

static void
remove_entry(fuse_req_t req, fuse_ino_t parent, const char *name, int flags)
{
	struct session *s = session_of(req);
	int folder = folder_to_remove_from(s, fuse_req_ctx(req), parent, name);

	if (folder < 0 || unlinkat(folder, name, flags) != 0 || settle_node(s, parent) != 0)
		answer_errno(req, errno);
	else
		answer_errno(req, 0);
}

void
op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	remove_entry(req, parent, name, 0);
}

void
op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	remove_entry(req, parent, name, AT_REMOVEDIR);
}

/* The folder that the entry is renamed into. What it replaces is removed. */
static int
folder_to_rename_into(
		struct session *s, const struct fuse_ctx *who, fuse_ino_t parent, const char *name)
{
	int folder = folder_to_remove_from(s, who, parent, name);

	return folder < 0 && errno == ENOENT ? folder_for(s, who, parent, W_OK | X_OK) : folder;
}

void
op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
		const char *new_name, unsigned int flags)
{
	struct session *s = session_of(req);
	const struct fuse_ctx *who = fuse_req_ctx(req);
	int from, to;

	/* A whiteout is of use to an overlay on the backing folder only. */
	if ((flags & ~(unsigned int)(RENAME_NOREPLACE | RENAME_EXCHANGE)) != 0) {
		answer_errno(req, EINVAL);
		return;
	}
	from = folder_to_remove_from(s, who, parent, name);
	to = from >= 0 ? folder_to_rename_into(s, who, new_parent, new_name) : -1;
	if (to < 0 || renameat2(from, name, to, new_name, flags) != 0 ||
			settle_node(s, new_parent) != 0 ||
			(parent != new_parent && settle_node(s, parent) != 0))
		answer_errno(req, errno);
	else
		answer_errno(req, 0);
}
