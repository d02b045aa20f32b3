#include "memory_file.h"

#include <errno.h>
#include <linux/fuse.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define WRITE_MAX (1u << 20)
#define NODE 2
#define HANDLE 1

struct memory_file {
	size_t bytes;
	uint8_t *data;
};

/* What of an answer depends on the request: an error (negative), or data of so many bytes. */
struct answered {
	int error;
	size_t bytes;
};

struct memory_file *
memory_file_create(size_t bytes)
{
	struct memory_file *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->bytes = bytes;
	f->data = calloc(1, bytes);
	if (f->data != NULL)
		return f;
	free(f);
	return NULL;
}

void
memory_file_destroy(struct memory_file *f)
{
	if (f == NULL)
		return;
	free(f->data);
	free(f);
}

static bool
within(const struct memory_file *f, uint64_t offset, uint32_t bytes)
{
	return offset <= f->bytes && bytes <= f->bytes - offset;
}

static struct answered
run_read(const struct memory_file *f, const uint8_t *arguments, uint8_t *data, size_t room)
{
	struct fuse_read_in read;

	memcpy(&read, arguments, sizeof(read));
	if (!within(f, read.offset, read.size) || read.size > room)
		return (struct answered){.error = -EINVAL};
	memcpy(data, f->data + read.offset, read.size);
	return (struct answered){.bytes = read.size};
}

static struct answered
run_write(struct memory_file *f, const uint8_t *arguments, uint8_t *data)
{
	struct fuse_write_out written = {0};
	struct fuse_write_in write;

	memcpy(&write, arguments, sizeof(write));
	if (!within(f, write.offset, write.size))
		return (struct answered){.error = -EFBIG};
	memcpy(f->data + write.offset, arguments + sizeof(write), write.size);
	written.size = write.size;
	memcpy(data, &written, sizeof(written));
	return (struct answered){.bytes = sizeof(written)};
}

static struct answered
run_init(uint8_t *data)
{
	const struct fuse_init_out init = {.major = FUSE_KERNEL_VERSION,
			.minor = FUSE_KERNEL_MINOR_VERSION,
			.max_write = WRITE_MAX};

	memcpy(data, &init, sizeof(init));
	return (struct answered){.bytes = sizeof(init)};
}

static struct answered
run_create(uint8_t *data)
{
	const struct fuse_entry_out entry = {.nodeid = NODE};
	const struct fuse_open_out open = {.fh = HANDLE};

	memcpy(data, &entry, sizeof(entry));
	memcpy(data + sizeof(entry), &open, sizeof(open));
	return (struct answered){.bytes = sizeof(entry) + sizeof(open)};
}

static struct answered
run(struct memory_file *f, uint32_t opcode, const uint8_t *arguments, uint8_t *data, size_t room)
{
	switch (opcode) {
	case FUSE_READ:
		return run_read(f, arguments, data, room);
	case FUSE_WRITE:
		return run_write(f, arguments, data);
	case FUSE_INIT:
		return run_init(data);
	case FUSE_LOOKUP:
		return (struct answered){.error = -ENOENT};
	case FUSE_CREATE:
		return run_create(data);
	case FUSE_RELEASE:
	case FUSE_UNLINK:
		return (struct answered){0};
	default:
		return (struct answered){.error = -ENOSYS};
	}
}

size_t
memory_file_run(struct memory_file *f, const uint8_t *in, size_t n, uint8_t *out, size_t room)
{
	struct fuse_in_header asked;
	struct fuse_out_header header;
	struct answered a;

	if (n < sizeof(asked))
		return 0;
	memcpy(&asked, in, sizeof(asked));
	a = run(f, asked.opcode, in + sizeof(asked), out + sizeof(header), room - sizeof(header));
	header = (struct fuse_out_header){.len = (uint32_t)(sizeof(header) + a.bytes),
			.error = a.error,
			.unique = asked.unique};
	memcpy(out, &header, sizeof(header));
	return header.len;
}
