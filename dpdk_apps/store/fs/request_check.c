#include "request_check.h"

#include <linux/fuse.h>
#include <linux/limits.h>
#include <stdbool.h>
#include <string.h>

/* What follows the fixed arguments. */
enum tail {
	TAIL_NONE,
	TAIL_ENTRY,	  /* the name of an entry */
	TAIL_TWO_ENTRIES, /* RENAME: old and new */
	TAIL_ENTRY_TEXT,  /* SYMLINK: the entry and where it points */
	TAIL_XATTR,	  /* the name of an extended attribute */
	TAIL_XATTR_VALUE, /* SETXATTR: that and as many bytes as the arguments say */
	TAIL_WRITE,	  /* as many bytes as the arguments say */
	TAIL_FORGETS,	  /* BATCH_FORGET: as many of them as the arguments say */
	TAIL_INIT,	  /* more of struct fuse_init_in, by the kernel's age */
};

struct rule {
	bool served;
	uint16_t fixed; /* bytes of the fixed arguments */
	enum tail tail;
};

/* Names of the kernel's FUSE may be this long; the file system behind says ENAMETOOLONG. */
#define ENTRY_MAX 1024
#define INIT_SHORT 16 /* up to minor 35 */

#define SERVED(opcode, bytes, what) [opcode] = {.served = true, .fixed = (bytes), .tail = (what)}

static const struct rule rules[] = {
		SERVED(FUSE_LOOKUP, 0, TAIL_ENTRY),
		SERVED(FUSE_FORGET, sizeof(struct fuse_forget_in), TAIL_NONE),
		SERVED(FUSE_GETATTR, sizeof(struct fuse_getattr_in), TAIL_NONE),
		SERVED(FUSE_SETATTR, sizeof(struct fuse_setattr_in), TAIL_NONE),
		SERVED(FUSE_READLINK, 0, TAIL_NONE),
		SERVED(FUSE_SYMLINK, 0, TAIL_ENTRY_TEXT),
		SERVED(FUSE_MKNOD, sizeof(struct fuse_mknod_in), TAIL_ENTRY),
		SERVED(FUSE_MKDIR, sizeof(struct fuse_mkdir_in), TAIL_ENTRY),
		SERVED(FUSE_UNLINK, 0, TAIL_ENTRY),
		SERVED(FUSE_RMDIR, 0, TAIL_ENTRY),
		SERVED(FUSE_RENAME, sizeof(struct fuse_rename_in), TAIL_TWO_ENTRIES),
		SERVED(FUSE_LINK, sizeof(struct fuse_link_in), TAIL_ENTRY),
		SERVED(FUSE_OPEN, sizeof(struct fuse_open_in), TAIL_NONE),
		SERVED(FUSE_READ, sizeof(struct fuse_read_in), TAIL_NONE),
		SERVED(FUSE_WRITE, sizeof(struct fuse_write_in), TAIL_WRITE),
		SERVED(FUSE_STATFS, 0, TAIL_NONE),
		SERVED(FUSE_RELEASE, sizeof(struct fuse_release_in), TAIL_NONE),
		SERVED(FUSE_FSYNC, sizeof(struct fuse_fsync_in), TAIL_NONE),
		/* FUSE_SETXATTR_EXT is never agreed on. */
		SERVED(FUSE_SETXATTR, FUSE_COMPAT_SETXATTR_IN_SIZE, TAIL_XATTR_VALUE),
		SERVED(FUSE_GETXATTR, sizeof(struct fuse_getxattr_in), TAIL_XATTR),
		SERVED(FUSE_LISTXATTR, sizeof(struct fuse_getxattr_in), TAIL_NONE),
		SERVED(FUSE_REMOVEXATTR, 0, TAIL_XATTR),
		SERVED(FUSE_FLUSH, sizeof(struct fuse_flush_in), TAIL_NONE),
		SERVED(FUSE_INIT, INIT_SHORT, TAIL_INIT),
		SERVED(FUSE_OPENDIR, sizeof(struct fuse_open_in), TAIL_NONE),
		SERVED(FUSE_READDIR, sizeof(struct fuse_read_in), TAIL_NONE),
		SERVED(FUSE_RELEASEDIR, sizeof(struct fuse_release_in), TAIL_NONE),
		SERVED(FUSE_FSYNCDIR, sizeof(struct fuse_fsync_in), TAIL_NONE),
		SERVED(FUSE_GETLK, sizeof(struct fuse_lk_in), TAIL_NONE),
		SERVED(FUSE_SETLK, sizeof(struct fuse_lk_in), TAIL_NONE),
		SERVED(FUSE_SETLKW, sizeof(struct fuse_lk_in), TAIL_NONE),
		SERVED(FUSE_ACCESS, sizeof(struct fuse_access_in), TAIL_NONE),
		SERVED(FUSE_CREATE, sizeof(struct fuse_create_in), TAIL_ENTRY),
		SERVED(FUSE_INTERRUPT, sizeof(struct fuse_interrupt_in), TAIL_NONE),
		SERVED(FUSE_DESTROY, 0, TAIL_NONE),
		SERVED(FUSE_BATCH_FORGET, sizeof(struct fuse_batch_forget_in), TAIL_FORGETS),
		SERVED(FUSE_FALLOCATE, sizeof(struct fuse_fallocate_in), TAIL_NONE),
		SERVED(FUSE_READDIRPLUS, sizeof(struct fuse_read_in), TAIL_NONE),
		SERVED(FUSE_RENAME2, sizeof(struct fuse_rename2_in), TAIL_TWO_ENTRIES),
		SERVED(FUSE_LSEEK, sizeof(struct fuse_lseek_in), TAIL_NONE),
		SERVED(FUSE_COPY_FILE_RANGE, sizeof(struct fuse_copy_file_range_in), TAIL_NONE),
};

/* The bytes that are left to look at. */
struct rest {
	const uint8_t *at;
	size_t bytes;
};

/* Takes a text that ends inside and has from 1 to `most` characters. */
static bool
take_text(struct rest *rest, size_t most, const char **text, size_t *length)
{
	const uint8_t *end = rest->bytes > 0 ? memchr(rest->at, 0, rest->bytes) : NULL;

	if (end == NULL || end == rest->at || (size_t)(end - rest->at) > most)
		return false;
	*text = (const char *)rest->at;
	*length = (size_t)(end - rest->at);
	rest->bytes -= *length + 1;
	rest->at = end + 1;
	return true;
}

static bool
take_entry(struct rest *rest)
{
	const char *name;
	size_t length;

	return take_text(rest, ENTRY_MAX, &name, &length) && memchr(name, '/', length) == NULL &&
	       strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static bool
tail_fits(enum tail tail, const uint8_t *fixed, struct rest rest)
{
	struct fuse_batch_forget_in forgets;
	struct fuse_write_in write;
	uint32_t size;
	const char *text;
	size_t length;

	switch (tail) {
	case TAIL_NONE:
		return rest.bytes == 0;
	case TAIL_ENTRY:
		return take_entry(&rest) && rest.bytes == 0;
	case TAIL_TWO_ENTRIES:
		return take_entry(&rest) && take_entry(&rest) && rest.bytes == 0;
	case TAIL_ENTRY_TEXT:
		return take_entry(&rest) && take_text(&rest, PATH_MAX - 1, &text, &length) &&
		       rest.bytes == 0;
	case TAIL_XATTR:
		return take_text(&rest, XATTR_NAME_MAX, &text, &length) && rest.bytes == 0;
	case TAIL_XATTR_VALUE:
		memcpy(&size, fixed, sizeof(size));
		return take_text(&rest, XATTR_NAME_MAX, &text, &length) && size <= XATTR_SIZE_MAX &&
		       rest.bytes == size;
	case TAIL_WRITE:
		memcpy(&write, fixed, sizeof(write));
		return write.size <= REQUEST_DATA_MAX && rest.bytes == write.size;
	case TAIL_FORGETS:
		memcpy(&forgets, fixed, sizeof(forgets));
		return rest.bytes % sizeof(struct fuse_forget_one) == 0 &&
		       rest.bytes / sizeof(struct fuse_forget_one) == forgets.count;
	case TAIL_INIT:
		return rest.bytes == 0 || rest.bytes == sizeof(struct fuse_init_in) - INIT_SHORT;
	}
	return false;
}

/* Whether offset and length of a range are those of a file: signed, and their sum too. */
static bool
range_fits(uint64_t offset, uint64_t length)
{
	return offset <= INT64_MAX && length <= INT64_MAX - offset;
}

/* The numbers that the fixed arguments hold. */
static bool
arguments_fit(uint32_t opcode, const uint8_t *fixed)
{
	struct fuse_copy_file_range_in copy;
	struct fuse_fallocate_in allocate;
	struct fuse_getxattr_in xattr;
	struct fuse_write_in write;
	struct fuse_init_in init = {0};
	struct fuse_read_in read;
	struct fuse_lk_in lock;

	switch (opcode) {
	case FUSE_INIT:
		memcpy(&init, fixed, INIT_SHORT);
		return init.major == FUSE_KERNEL_VERSION;
	case FUSE_READ:
		memcpy(&read, fixed, sizeof(read));
		return read.size <= REQUEST_DATA_MAX && range_fits(read.offset, read.size);
	case FUSE_READDIR:
	case FUSE_READDIRPLUS:
		/* The offset is the file system's cookie: any number. */
		memcpy(&read, fixed, sizeof(read));
		return read.size <= REQUEST_DATA_MAX;
	case FUSE_WRITE:
		memcpy(&write, fixed, sizeof(write));
		return range_fits(write.offset, write.size);
	case FUSE_GETXATTR:
	case FUSE_LISTXATTR:
		memcpy(&xattr, fixed, sizeof(xattr));
		return xattr.size <= XATTR_SIZE_MAX;
	case FUSE_GETLK:
	case FUSE_SETLK:
	case FUSE_SETLKW:
		memcpy(&lock, fixed, sizeof(lock));
		return lock.lk.start <= lock.lk.end && lock.lk.end <= INT64_MAX;
	case FUSE_FALLOCATE:
		memcpy(&allocate, fixed, sizeof(allocate));
		return range_fits(allocate.offset, allocate.length);
	case FUSE_COPY_FILE_RANGE:
		memcpy(&copy, fixed, sizeof(copy));
		return copy.off_in <= INT64_MAX && copy.off_out <= INT64_MAX;
	default:
		return true;
	}
}

enum request_verdict
request_check(const uint8_t *in, size_t bytes)
{
	struct fuse_in_header header;
	const struct rule *rule;
	struct rest rest;

	if (bytes < sizeof(header) || bytes > REQUEST_BYTES_MAX)
		return REQUEST_MALFORMED;
	memcpy(&header, in, sizeof(header));
	/* Extensions of the header (total_extlen) are never agreed on. */
	if (header.len != bytes || header.total_extlen != 0)
		return REQUEST_MALFORMED;
	if (header.opcode >= sizeof(rules) / sizeof(rules[0]) || !rules[header.opcode].served)
		return REQUEST_UNSUPPORTED;
	rule = &rules[header.opcode];
	rest.at = in + sizeof(header);
	rest.bytes = bytes - sizeof(header);
	if (rest.bytes < rule->fixed)
		return REQUEST_MALFORMED;
	rest.at += rule->fixed;
	rest.bytes -= rule->fixed;
	if (!arguments_fit(header.opcode, in + sizeof(header)) ||
			!tail_fits(rule->tail, in + sizeof(header), rest))
		return REQUEST_MALFORMED;
	return REQUEST_GOOD;
}
