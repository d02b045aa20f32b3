#include "fuse_requests.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <string.h>

/* As the kernels of Debian 12 say it; what they ask for that a client without pages needs. */
#define MINOR 38
#define READAHEAD (128u << 10)
#define WANTED                                                                                     \
	(FUSE_ASYNC_READ | FUSE_ATOMIC_O_TRUNC | FUSE_BIG_WRITES | FUSE_PARALLEL_DIROPS |          \
			FUSE_MAX_PAGES)
/* The largest errno of a kernel. */
#define ERRNO_MAX 4095

_Static_assert(sizeof(struct fuse_in_header) + sizeof(struct fuse_write_in) == FUSE_REQUEST_HEAD &&
				sizeof(struct fuse_in_header) + sizeof(struct fuse_read_in) ==
						FUSE_REQUEST_HEAD,
		"what docs/store-file-system.md and echoes of these shapes count with");
_Static_assert(sizeof(struct fuse_out_header) == FUSE_ANSWER_HEAD &&
				sizeof(struct fuse_out_header) + sizeof(struct fuse_write_out) ==
						FUSE_WRITE_ANSWER,
		"and their answers");
_Static_assert(sizeof(struct fuse_in_header) + sizeof(struct fuse_create_in) + NAME_MAX + 1 <=
				FUSE_REQUEST_SMALL,
		"a name has room");

/* The head of a request, and its arguments behind it; `behind` bytes are to follow those. */
static uint32_t
request(struct fuse_requester *r, uint8_t *to, enum fuse_opcode opcode, uint64_t node,
		const void *arguments, size_t bytes, size_t behind)
{
	const struct fuse_in_header header = {
			.len = (uint32_t)(sizeof(header) + bytes + behind),
			.opcode = opcode,
			.unique = r->unique += 2, /* odd ones are a kernel's INTERRUPTs */
			.nodeid = node,
			.uid = r->uid,
			.gid = r->gid,
			.pid = r->pid,
	};

	memcpy(to, &header, sizeof(header));
	if (bytes > 0)
		memcpy(to + sizeof(header), arguments, bytes);
	return header.len;
}

/* The same with a name behind the arguments. */
static uint32_t
named(struct fuse_requester *r, uint8_t *to, enum fuse_opcode opcode, uint64_t parent,
		const void *arguments, size_t bytes, const char *name)
{
	size_t length = strlen(name) + 1;

	memcpy(to + sizeof(struct fuse_in_header) + bytes, name, length);
	return request(r, to, opcode, parent, arguments, bytes, length);
}

uint32_t
fuse_request_init(struct fuse_requester *r, uint8_t *to)
{
	const struct fuse_init_in init = {
			.major = FUSE_KERNEL_VERSION,
			.minor = MINOR,
			.max_readahead = READAHEAD,
			.flags = WANTED,
	};

	return request(r, to, FUSE_INIT, 0, &init, sizeof(init), 0);
}

uint32_t
fuse_request_lookup(struct fuse_requester *r, uint8_t *to, uint64_t parent, const char *name)
{
	return named(r, to, FUSE_LOOKUP, parent, NULL, 0, name);
}

uint32_t
fuse_request_create(struct fuse_requester *r, uint8_t *to, uint64_t parent, const char *name,
		uint32_t flags, uint32_t mode)
{
	const struct fuse_create_in create = {.flags = flags | O_CREAT, .mode = S_IFREG | mode};

	return named(r, to, FUSE_CREATE, parent, &create, sizeof(create), name);
}

uint32_t
fuse_request_open(struct fuse_requester *r, uint8_t *to, const struct fuse_file *file)
{
	const struct fuse_open_in open = {.flags = file->flags};

	return request(r, to, FUSE_OPEN, file->node, &open, sizeof(open), 0);
}

uint32_t
fuse_request_release(struct fuse_requester *r, uint8_t *to, const struct fuse_file *file)
{
	const struct fuse_release_in release = {.fh = file->handle, .flags = file->flags};

	return request(r, to, FUSE_RELEASE, file->node, &release, sizeof(release), 0);
}

uint32_t
fuse_request_unlink(struct fuse_requester *r, uint8_t *to, uint64_t parent, const char *name)
{
	return named(r, to, FUSE_UNLINK, parent, NULL, 0, name);
}

uint32_t
fuse_request_read(struct fuse_requester *r, uint8_t *to, const struct fuse_file *file,
		uint64_t offset, uint32_t bytes)
{
	const struct fuse_read_in read = {
			.fh = file->handle, .offset = offset, .size = bytes, .flags = file->flags};

	return request(r, to, FUSE_READ, file->node, &read, sizeof(read), 0);
}

uint32_t
fuse_request_write(struct fuse_requester *r, uint8_t *to, const struct fuse_file *file,
		uint64_t offset, uint32_t bytes)
{
	const struct fuse_write_in write = {
			.fh = file->handle, .offset = offset, .size = bytes, .flags = file->flags};

	return request(r, to, FUSE_WRITE, file->node, &write, sizeof(write), bytes);
}

enum fuse_answer
fuse_answer_read(const uint8_t *answer, uint32_t bytes, uint64_t unique, int *error)
{
	struct fuse_out_header header;

	*error = 0;
	if (bytes < sizeof(header))
		return FUSE_ANSWER_SHORT;
	memcpy(&header, answer, sizeof(header));
	if (header.len != bytes)
		return FUSE_ANSWER_SHORT;
	if (header.unique != unique)
		return FUSE_ANSWER_FOREIGN;
	if (header.error == 0)
		return FUSE_ANSWERED;
	*error = header.error < 0 && header.error >= -ERRNO_MAX ? -header.error : EPROTO;
	return FUSE_ANSWER_ERROR;
}
