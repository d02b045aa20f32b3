/*
 * The check of FUSE requests on any bytes (libFuzzer), and what libfuse may rely on after it:
 * where the check says that a request is good, its names end inside and its sizes are those of
 * the bytes that are there.
 */
#include <assert.h>
#include <linux/fuse.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "request_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

/* The `number` names from `at` on; what is behind them. As libfuse goes over them, by strlen(). */
static size_t
pass_names(const uint8_t *bytes, size_t count, size_t at, int number)
{
	for (int i = 0; i < number; i++) {
		assert(at < count);
		at += strlen((const char *)bytes + at) + 1;
		assert(at <= count);
	}
	return at;
}

/* Where the arguments of WRITE, SETXATTR and BATCH_FORGET say that the request ends. */
static size_t
said_end(uint32_t opcode, const uint8_t *bytes, size_t count)
{
	size_t at = sizeof(struct fuse_in_header);
	struct fuse_batch_forget_in forgets;
	struct fuse_write_in write;
	uint32_t size;

	switch (opcode) {
	case FUSE_WRITE:
		memcpy(&write, bytes + at, sizeof(write));
		return at + sizeof(write) + write.size;
	case FUSE_SETXATTR:
		memcpy(&size, bytes + at, sizeof(size));
		return pass_names(bytes, count, at + FUSE_COMPAT_SETXATTR_IN_SIZE, 1) + size;
	case FUSE_BATCH_FORGET:
		memcpy(&forgets, bytes + at, sizeof(forgets));
		return at + sizeof(forgets) +
		       (size_t)forgets.count * sizeof(struct fuse_forget_one);
	case FUSE_RENAME2:
		return pass_names(bytes, count, at + sizeof(struct fuse_rename2_in), 2);
	case FUSE_RENAME:
		return pass_names(bytes, count, at + sizeof(struct fuse_rename_in), 2);
	case FUSE_SYMLINK:
		return pass_names(bytes, count, at, 2);
	case FUSE_LOOKUP:
	case FUSE_UNLINK:
	case FUSE_RMDIR:
	case FUSE_REMOVEXATTR:
		return pass_names(bytes, count, at, 1);
	case FUSE_CREATE:
		return pass_names(bytes, count, at + sizeof(struct fuse_create_in), 1);
	case FUSE_MKNOD:
		return pass_names(bytes, count, at + sizeof(struct fuse_mknod_in), 1);
	case FUSE_MKDIR:
		return pass_names(bytes, count, at + sizeof(struct fuse_mkdir_in), 1);
	case FUSE_LINK:
		return pass_names(bytes, count, at + sizeof(struct fuse_link_in), 1);
	case FUSE_GETXATTR:
		return pass_names(bytes, count, at + sizeof(struct fuse_getxattr_in), 1);
	default:
		return count;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct fuse_in_header header;

	if (request_check(bytes, count) != REQUEST_GOOD)
		return 0;
	assert(count >= sizeof(header));
	memcpy(&header, bytes, sizeof(header));
	assert(header.len == count);
	assert(said_end(header.opcode, bytes, count) == count);
	return 0;
}
