#define _GNU_SOURCE
#include "atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct atomic_file {
	FILE *stream;
	char *path;
	char *temporary;
	int error;
};

static void
release(struct atomic_file *file)
{
	free(file->path);
	free(file->temporary);
	free(file);
}

struct atomic_file *
atomic_file_open(const char *path)
{
	struct atomic_file *file = calloc(1, sizeof(*file));
	int saved;

	if (file == NULL)
		return NULL;
	file->path = strdup(path);
	if (asprintf(&file->temporary, "%s.partial.%ld", path, (long)getpid()) < 0)
		file->temporary = NULL;
	if (file->path != NULL && file->temporary != NULL)
		file->stream = fopen(file->temporary, "we");
	if (file->stream == NULL) {
		saved = errno;
		release(file);
		errno = saved;
		return NULL;
	}
	return file;
}

FILE *
atomic_file_stream(struct atomic_file *file)
{
	return file->stream;
}

void
atomic_file_fail(struct atomic_file *file, int error)
{
	if (file->error == 0)
		file->error = error != 0 ? error : EIO;
}

/* The rename itself lasts only once the folder is on the disk. */
static int
sync_folder(const char *path)
{
	char *copy = strdup(path);
	int result = -1;
	int fd;

	if (copy == NULL)
		return -1;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(copy);
	if (fd < 0)
		return -1;
	result = fsync(fd);
	if (close(fd) != 0)
		result = -1;
	return result;
}

int
atomic_file_close(struct atomic_file *file)
{
	int error;

	if (fflush(file->stream) != 0 || fsync(fileno(file->stream)) != 0)
		atomic_file_fail(file, errno);
	if (ferror(file->stream))
		atomic_file_fail(file, EIO);
	if (fclose(file->stream) != 0)
		atomic_file_fail(file, errno);
	if (file->error == 0 &&
			(rename(file->temporary, file->path) != 0 || sync_folder(file->path) != 0))
		atomic_file_fail(file, errno);
	if (file->error != 0)
		(void)unlink(file->temporary);
	error = file->error;
	release(file);
	errno = error;
	return error == 0 ? 0 : -1;
}
