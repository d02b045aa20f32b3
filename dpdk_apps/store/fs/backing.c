#include "backing.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "file_id.h"
#include "lifecycle.h"

static bool
gives_handles(int root, const char *path)
{
	struct file_id id;
	int fd;

	if (file_id_get(root, &id) != 0) {
		complain("--backing %s: its file system gives no file handles (%s): use ext4, XFS "
			 "or tmpfs, not an overlay",
				path, strerror(errno));
		return false;
	}
	fd = file_id_open(root, &id, O_PATH);
	if (fd >= 0)
		return close(fd) == 0;
	complain("--backing %s: a file handle does not open again (%s): run as root, on ext4, XFS "
		 "or tmpfs",
			path, strerror(errno));
	return false;
}

/* Whether a write that is to be on stable storage is taken. */
static bool
syncs(int root, const char *path)
{
	struct iovec byte = {.iov_base = "", .iov_len = 1};
	int fd = openat(root, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	bool right = fd >= 0 && pwritev2(fd, &byte, 1, 0, RWF_DSYNC) == 1 && fsync(fd) == 0 &&
		     fsync(root) == 0;

	if (!right)
		complain("--backing %s: a file there cannot be written and synced: %s", path,
				strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	return right;
}

static bool
durability_fits(int root, const char *path, enum durability durability)
{
	struct statfs system;
	bool memory;

	if (fstatfs(root, &system) != 0) {
		complain("--backing %s: %s", path, strerror(errno));
		return false;
	}
	memory = system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC;
	if (memory && durability == DURABILITY_DSYNC)
		complain("--backing %s is in memory, where nothing is durable: use --durability "
			 "memory or log, or a folder on a disk",
				path);
	else if (!memory && durability == DURABILITY_MEMORY)
		complain("--backing %s is not in memory: use a folder on a tmpfs, or --durability "
			 "log",
				path);
	else
		return true;
	return false;
}

int
backing_open(const char *path, enum durability durability)
{
	int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (root < 0) {
		complain("--backing %s: %s", path, strerror(errno));
		return -1;
	}
	if (durability_fits(root, path, durability) && gives_handles(root, path) &&
			syncs(root, path))
		return root;
	(void)close(root);
	return -1;
}
