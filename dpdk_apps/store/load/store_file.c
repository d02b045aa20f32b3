#include "store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "contents.h"
#include "lifecycle.h"

#define MODE 0600
/* The most that is written at a time. */
#define WRITE_MAX (1u << 20)

/* INIT; the most that a WRITE may carry. 0, or -1 after one clear line. */
static int
begin_session(struct asking *a, uint32_t block, uint32_t *most)
{
	uint32_t bytes = fuse_request_init(&a->requester, a->request);
	struct fuse_init_out agreed;

	if (ask_surely(a, a->request, bytes, sizeof(agreed), "INIT") != 0)
		return -1;
	memcpy(&agreed, asking_data(a), sizeof(agreed));
	*most = agreed.max_write < WRITE_MAX ? agreed.max_write : WRITE_MAX;
	if (agreed.major == FUSE_KERNEL_VERSION && *most >= block)
		return 0;
	complain("INIT: the server speaks FUSE %u.%u and takes writes of at most %u bytes: ask "
		 "for a smaller --size than %u",
			agreed.major, agreed.minor, agreed.max_write, block);
	return -1;
}

static int
create(struct store_file *f, struct asking *a)
{
	uint32_t bytes = fuse_request_create(
			&a->requester, a->request, FUSE_ROOT_ID, f->name, f->file.flags, MODE);
	struct fuse_entry_out entry;
	struct fuse_open_out open;

	if (ask_surely(a, a->request, bytes, sizeof(entry) + sizeof(open), "CREATE") != 0)
		return -1;
	memcpy(&entry, asking_data(a), sizeof(entry));
	memcpy(&open, asking_data(a) + sizeof(entry), sizeof(open));
	f->file.node = entry.nodeid;
	f->file.handle = open.fh;
	return 0;
}

/* One that is there, which the last answer told of. */
static int
open_found(struct store_file *f, struct asking *a)
{
	struct fuse_entry_out entry;
	struct fuse_open_out open;
	uint32_t bytes;

	memcpy(&entry, asking_data(a), sizeof(entry));
	f->file.node = entry.nodeid;
	bytes = fuse_request_open(&a->requester, a->request, &f->file);
	if (ask_surely(a, a->request, bytes, sizeof(open), "OPEN") != 0)
		return -1;
	memcpy(&open, asking_data(a), sizeof(open));
	f->file.handle = open.fh;
	return 0;
}

static int
find_or_make(struct store_file *f, struct asking *a)
{
	uint32_t bytes = fuse_request_lookup(&a->requester, a->request, FUSE_ROOT_ID, f->name);

	if (ask(a, a->request, bytes, sizeof(struct fuse_entry_out), "LOOKUP") != 0)
		return -1;
	if (a->error == 0)
		return open_found(f, a);
	if (a->error == ENOENT)
		return create(f, a);
	complain("LOOKUP: the server says: %s", strerror(a->error));
	return -1;
}

/* `count` blocks from the first one on, in one WRITE. */
static int
write_blocks(const struct store_file *f, struct asking *a, uint8_t *request, uint64_t first,
		uint64_t count)
{
	uint32_t n = (uint32_t)count * f->block;
	uint64_t offset = first * f->block;
	uint32_t bytes = fuse_request_write(&a->requester, request, &f->file, offset, n);
	struct fuse_write_out written;

	for (uint64_t i = 0; i < count; i++)
		contents_write(request + FUSE_REQUEST_HEAD + i * f->block, f->block,
				offset + i * f->block, 0, f->writer);
	if (ask_surely(a, request, bytes, sizeof(written), "WRITE") != 0)
		return -1;
	memcpy(&written, asking_data(a), sizeof(written));
	if (written.size == n)
		return 0;
	complain("WRITE: %u of %u bytes were written: is the store's disk full?", written.size, n);
	return -1;
}

static int
write_all(const struct store_file *f, struct asking *a, uint32_t most)
{
	uint64_t together = most / f->block;
	uint8_t *request = malloc(FUSE_REQUEST_HEAD + (size_t)most);
	int result = 0;

	if (request == NULL) {
		complain("out of memory");
		return -1;
	}
	for (uint64_t at = 0; at < f->count && result == 0; at += together)
		result = write_blocks(f, a, request, at,
				f->count - at < together ? f->count - at : together);
	free(request);
	return result;
}

int
store_file_begin(struct store_file *f, struct asking *a)
{
	uint32_t most = 0;

	f->file = (struct fuse_file){.flags = O_RDWR};
	if (begin_session(a, f->block, &most) != 0 || find_or_make(f, a) != 0)
		return -1;
	if (write_all(f, a, most) == 0)
		return 0;
	/* What is there of it would be left to others. A server that is gone was told of already.
	 */
	a->to_the_end = true;
	if (a->answered || lifecycle_stopping())
		(void)store_file_end(f, a);
	return -1;
}

int
store_file_end(struct store_file *f, struct asking *a)
{
	uint32_t bytes = fuse_request_release(&a->requester, a->request, &f->file);

	if (ask_surely(a, a->request, bytes, 0, "RELEASE") != 0)
		return -1;
	bytes = fuse_request_unlink(&a->requester, a->request, FUSE_ROOT_ID, f->name);
	return ask_surely(a, a->request, bytes, 0, "UNLINK");
}
