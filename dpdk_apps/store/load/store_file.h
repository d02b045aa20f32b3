/* The file that the load client works on: found or made, written whole, and removed again. */
#ifndef STORE_STORE_FILE_H
#define STORE_STORE_FILE_H

#include "asking.h"

struct store_file {
	const char *name; /* in the root of the store */
	uint32_t block;	  /* bytes that are read and written at a time */
	uint64_t count;	  /* blocks */
	uint64_t writer;  /* whose contents they are */
	struct fuse_file file;
};

/* Says INIT, opens the file and writes every block in its version 0. 0, or -1 after one clear line.
 */
int store_file_begin(struct store_file *f, struct asking *a);

/* Closes it and removes it. 0, or -1 after one clear line. */
int store_file_end(struct store_file *f, struct asking *a);

#endif
