#include "opcodes.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <string.h>

/* How a request that was under way when the server ended goes on. */
enum after_restart {
	MAY_HAVE_CHANGED, /* nobody knows whether it was done: an error */
	READS,		  /* asked again */
	/*
	 * Asked again too. The data that fsync is about is in the page cache of the server's
	 * machine, which outlives the process. Locks ended with the server, whatever became of the
	 * request. A file that was closed already is closed to the next server as well, which says
	 * so.
	 */
	TWICE_IS_ONCE,
	LIKE_ITS_FLAGS, /* OPEN: reads, unless it truncates */
	/* Told by nobody, and not told twice: lookups would be forgotten that were never made. */
	UNANSWERED,
};

static const struct {
	const char *name;
	enum after_restart after;
} opcodes[OPCODES_MOST] = {
		[FUSE_LOOKUP] = {"lookup", READS},
		[FUSE_FORGET] = {"forget", UNANSWERED},
		[FUSE_GETATTR] = {"getattr", READS},
		[FUSE_SETATTR] = {"setattr", MAY_HAVE_CHANGED},
		[FUSE_READLINK] = {"readlink", READS},
		[FUSE_SYMLINK] = {"symlink", MAY_HAVE_CHANGED},
		[FUSE_MKNOD] = {"mknod", MAY_HAVE_CHANGED},
		[FUSE_MKDIR] = {"mkdir", MAY_HAVE_CHANGED},
		[FUSE_UNLINK] = {"unlink", MAY_HAVE_CHANGED},
		[FUSE_RMDIR] = {"rmdir", MAY_HAVE_CHANGED},
		[FUSE_RENAME] = {"rename", MAY_HAVE_CHANGED},
		[FUSE_LINK] = {"link", MAY_HAVE_CHANGED},
		[FUSE_OPEN] = {"open", LIKE_ITS_FLAGS},
		[FUSE_READ] = {"read", READS},
		[FUSE_WRITE] = {"write", MAY_HAVE_CHANGED},
		[FUSE_STATFS] = {"statfs", READS},
		[FUSE_RELEASE] = {"release", TWICE_IS_ONCE},
		[FUSE_FSYNC] = {"fsync", TWICE_IS_ONCE},
		[FUSE_SETXATTR] = {"setxattr", MAY_HAVE_CHANGED},
		[FUSE_GETXATTR] = {"getxattr", READS},
		[FUSE_LISTXATTR] = {"listxattr", READS},
		[FUSE_REMOVEXATTR] = {"removexattr", MAY_HAVE_CHANGED},
		[FUSE_FLUSH] = {"flush", TWICE_IS_ONCE},
		[FUSE_INIT] = {"init", READS},
		[FUSE_OPENDIR] = {"opendir", READS},
		[FUSE_READDIR] = {"readdir", READS},
		[FUSE_RELEASEDIR] = {"releasedir", TWICE_IS_ONCE},
		[FUSE_FSYNCDIR] = {"fsyncdir", TWICE_IS_ONCE},
		[FUSE_GETLK] = {"getlk", READS},
		[FUSE_SETLK] = {"setlk", TWICE_IS_ONCE},
		[FUSE_SETLKW] = {"setlkw", TWICE_IS_ONCE},
		[FUSE_ACCESS] = {"access", READS},
		[FUSE_CREATE] = {"create", MAY_HAVE_CHANGED},
		[FUSE_INTERRUPT] = {"interrupt", UNANSWERED},
		[FUSE_DESTROY] = {"destroy", TWICE_IS_ONCE},
		[FUSE_BATCH_FORGET] = {"batch_forget", UNANSWERED},
		[FUSE_FALLOCATE] = {"fallocate", MAY_HAVE_CHANGED},
		[FUSE_READDIRPLUS] = {"readdirplus", READS},
		[FUSE_RENAME2] = {"rename2", MAY_HAVE_CHANGED},
		[FUSE_LSEEK] = {"lseek", READS},
		[FUSE_COPY_FILE_RANGE] = {"copy_file_range", MAY_HAVE_CHANGED},
};

static enum after_restart
after_restart(uint32_t opcode)
{
	return opcode < OPCODES_MOST ? opcodes[opcode].after : MAY_HAVE_CHANGED;
}

const char *
opcode_name(uint32_t opcode)
{
	return opcode < OPCODES_MOST ? opcodes[opcode].name : NULL;
}

bool
opcode_unanswered(uint32_t opcode)
{
	return after_restart(opcode) == UNANSWERED;
}

static bool
opens_unchanged(const uint8_t *request, size_t bytes)
{
	struct fuse_open_in open;

	if (bytes < sizeof(struct fuse_in_header) + sizeof(open))
		return false;
	memcpy(&open, request + sizeof(struct fuse_in_header), sizeof(open));
	return (open.flags & (O_TRUNC | O_CREAT)) == 0;
}

bool
opcode_repeatable(const uint8_t *request, size_t bytes)
{
	struct fuse_in_header header;

	memcpy(&header, request, sizeof(header));
	switch (after_restart(header.opcode)) {
	case READS:
	case TWICE_IS_ONCE:
		return true;
	case LIKE_ITS_FLAGS:
		return opens_unchanged(request, bytes);
	case MAY_HAVE_CHANGED:
	case UNANSWERED:
		break;
	}
	return false;
}
