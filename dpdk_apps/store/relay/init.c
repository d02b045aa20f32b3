#include "init.h"

#include <errno.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>

/* Of kernels before 7.28, and where FUSE_MAX_PAGES is not agreed on. */
#define PAGES_BEFORE 32u
#define PAGE 4096u

/* The answer's error, or what it agrees to; 0 for what it does not hold. */
static int
read_answer(const uint8_t *answer, size_t bytes, struct fuse_init_out *agreed)
{
	struct fuse_out_header header;
	size_t rest;

	memset(agreed, 0, sizeof(*agreed));
	if (bytes < sizeof(header) || bytes > INIT_BYTES_MOST)
		return -EPROTO;
	memcpy(&header, answer, sizeof(header));
	rest = bytes - sizeof(header);
	memcpy(agreed, answer + sizeof(header), rest < sizeof(*agreed) ? rest : sizeof(*agreed));
	return header.error;
}

/* The bytes of the largest request and of the largest answer, whichever is more. */
static uint64_t
largest(const struct fuse_init_out *agreed)
{
	uint64_t pages = (agreed->flags & FUSE_MAX_PAGES) != 0 ? agreed->max_pages : PAGES_BEFORE;
	uint64_t write = sizeof(struct fuse_in_header) + sizeof(struct fuse_write_in) +
			 (uint64_t)agreed->max_write;
	uint64_t read = sizeof(struct fuse_out_header) + pages * PAGE;

	return write > read ? write : read;
}

bool
init_keep(struct init *i, const uint8_t *request, size_t request_bytes, const uint8_t *answer,
		size_t bytes, uint32_t value_max, char *why, size_t why_size)
{
	struct fuse_init_out agreed;
	int error = read_answer(answer, bytes, &agreed);

	if (request_bytes > INIT_BYTES_MOST)
		error = -E2BIG;
	if (error != 0) {
		(void)snprintf(why, why_size, "the server does not take the kernel's INIT (%s)",
				strerror(-error));
		return false;
	}
	if (largest(&agreed) > value_max) {
		(void)snprintf(why, why_size,
				"max_write %u and max_pages %u of the server's INIT permit %llu "
				"bytes, "
				"its connection %u: use a server of this version",
				agreed.max_write, agreed.max_pages,
				(unsigned long long)largest(&agreed), value_max);
		return false;
	}
	memcpy(i->request, request, request_bytes);
	memcpy(i->answer, answer, bytes);
	i->request_bytes = (uint32_t)request_bytes;
	i->answer_bytes = (uint32_t)bytes;
	i->state = INIT_KNOWN;
	return true;
}

void
init_notice(struct init *i, uint64_t life)
{
	if (i->life == life)
		return;
	i->life = life;
	if (i->state != INIT_NEW)
		i->state = INIT_AGAIN;
}

bool
init_compare(struct init *i, const uint8_t *answer, size_t bytes, char *why, size_t why_size)
{
	struct fuse_init_out before, now;
	int error = read_answer(answer, bytes, &now);

	if (bytes == i->answer_bytes && memcmp(answer, i->answer, bytes) == 0) {
		i->state = INIT_KNOWN;
		return true;
	}
	i->state = INIT_DIFFERS;
	(void)read_answer(i->answer, i->answer_bytes, &before);
	(void)snprintf(why, why_size,
			"the server that was started anew agrees to something else than the one "
			"before "
			"(error %d, flags %#x, max_write %u; before: 0, %#x, %u): start it as "
			"before, or "
			"mount again",
			-error, now.flags, now.max_write, before.flags, before.max_write);
	return false;
}
