#include "fio_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lifecycle.h"
#include "mix64.h"

#define CHUNK (1u << 20)

/* Bytes that no file system can leave out or squeeze. */
static void
fill_chunk(uint8_t *chunk, uint64_t number)
{
	for (size_t at = 0; at < CHUNK; at += 8) {
		uint64_t word = mix64(number * CHUNK + at);

		memcpy(chunk + at, &word, sizeof(word));
	}
}

/* 0, or -1 with errno set. */
static int
write_from(int fd, off_t from, off_t end)
{
	uint8_t *chunk = malloc(CHUNK);
	int result = 0;

	if (chunk == NULL)
		return -1;
	for (off_t at = from - from % CHUNK; result == 0 && at < end; at += CHUNK) {
		ssize_t wrote;

		fill_chunk(chunk, (uint64_t)at / CHUNK);
		wrote = pwrite(fd, chunk, CHUNK, at);
		if (wrote >= 0 && wrote < CHUNK)
			errno = ENOSPC;
		if (wrote != CHUNK)
			result = -1;
	}
	free(chunk);
	return result;
}

int
fio_file_fill(const char *path, uint32_t file_mb)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct stat found;
	int result = -1;

	if (fd >= 0 && fstat(fd, &found) == 0)
		result = write_from(fd, found.st_size, (off_t)file_mb * CHUNK);
	if (result != 0)
		complain("cannot make --file %s of %u MiB: %s", path, file_mb, strerror(errno));
	if (fd >= 0 && close(fd) != 0 && result == 0) {
		complain("cannot close --file %s: %s", path, strerror(errno));
		result = -1;
	}
	return result;
}
