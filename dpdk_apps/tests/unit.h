/* What every unit test includes: cmocka with the headers that it wants before it, and files in a
 * folder of the test's own. */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct unit_folder {
	char path[64];
};

static inline int
unit_folder_make(void **state)
{
	struct unit_folder *folder = calloc(1, sizeof(*folder));

	if (folder == NULL)
		return -1;
	strcpy(folder->path, "/tmp/dpdk_apps_test_XXXXXX");
	*state = folder;
	return mkdtemp(folder->path) != NULL ? 0 : -1;
}

/* Fails where a test left a file behind. */
static inline int
unit_folder_remove(void **state)
{
	struct unit_folder *folder = *state;
	int result = rmdir(folder->path);

	free(folder);
	return result;
}

static inline void
unit_path(void **state, const char *name, char *path, size_t size)
{
	(void)snprintf(path, size, "%s/%s", ((struct unit_folder *)*state)->path, name);
}

/* Makes an empty file of `path`, whose XXXXXX become something else. 0 or -1. */
static inline int
unit_file_make(char *path)
{
	int fd = mkstemp(path);

	return fd < 0 ? -1 : close(fd);
}

static inline void
unit_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* The whole file, with a 0 behind it; its length in `length`. The caller frees it. */
static inline uint8_t *
unit_read(const char *path, size_t *length)
{
	FILE *f = fopen(path, "re");
	uint8_t *bytes;
	long size;

	assert_non_null(f);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	size = ftell(f);
	assert_true(size >= 0);
	rewind(f);
	bytes = calloc(1, (size_t)size + 1);
	assert_non_null(bytes);
	assert_int_equal(fread(bytes, 1, (size_t)size, f), size);
	assert_int_equal(fclose(f), 0);
	*length = (size_t)size;
	return bytes;
}

#endif
