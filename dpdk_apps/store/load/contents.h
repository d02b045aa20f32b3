/*
 * What stands in a block of the file that the load client writes and reads: where it belongs, its
 * version and its writer, and bytes that follow from these, so that one wrong bit shows, and a
 * block that is old, of somewhere else or of somebody else.
 */
#ifndef STORE_CONTENTS_H
#define STORE_CONTENTS_H

#include <stddef.h>
#include <stdint.h>

/* Of the smallest block: place, version, writer, and a word that follows from them. */
#define CONTENTS_MIN 32

void contents_write(uint8_t *to, size_t bytes, uint64_t offset, uint64_t version, uint64_t writer);

enum contents_verdict {
	CONTENTS_RIGHT,
	CONTENTS_FOREIGN,   /* whole, of another writer */
	CONTENTS_ELSEWHERE, /* whole, of another place */
	CONTENTS_DAMAGED,
};

/* Looks at every byte. The version is only told where all else is right. */
enum contents_verdict contents_check(const uint8_t *from, size_t bytes, uint64_t offset,
		uint64_t writer, uint64_t *version);

#endif
