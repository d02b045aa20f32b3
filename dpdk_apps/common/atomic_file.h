/*
 * A file that is there whole or not at all: written under a temporary name in
 * the same folder, synced, then renamed. A failure leaves the old file, if any,
 * and no temporary one.
 */
#ifndef COMMON_ATOMIC_FILE_H
#define COMMON_ATOMIC_FILE_H

#include <stdio.h>

struct atomic_file;

/* NULL with errno set. */
struct atomic_file *atomic_file_open(const char *path);

/* Where to write. The file owns it. */
FILE *atomic_file_stream(struct atomic_file *file);

/* Notes that writing failed, `error` being its errno: closing then fails, and the path is left
 * alone. */
void atomic_file_fail(struct atomic_file *file, int error);

/* Frees `file`. 0, or -1 with errno set to the first failure. */
int atomic_file_close(struct atomic_file *file);

#endif
