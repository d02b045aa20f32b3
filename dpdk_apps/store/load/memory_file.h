/* A file in memory that answers the FUSE requests of the load client: the least that a store can
 * be. Its requests are our own and believed. */
#ifndef STORE_MEMORY_FILE_H
#define STORE_MEMORY_FILE_H

#include <stddef.h>
#include <stdint.h>

/* The room for an answer, beside the data of a READ. */
#define MEMORY_FILE_ANSWER_MIN 1024

struct memory_file;

/* NULL: no memory. */
struct memory_file *memory_file_create(size_t bytes);
void memory_file_destroy(struct memory_file *f);

/* As executor_run() of fs/executor.h: the bytes of the answer, which has room. */
size_t memory_file_run(
		struct memory_file *f, const uint8_t *in, size_t n, uint8_t *out, size_t room);

#endif
