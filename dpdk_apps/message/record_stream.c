#include "record_stream.h"

#include "record.h"

_Static_assert(RECORD_STREAM_MAX_BYTES == RECORD_MAX_LENGTH + RECORD_LARGE_HEADER_BYTES,
		"the longest record is a fragment");

size_t
record_stream_whole(const uint8_t *from, size_t n, uint64_t *records)
{
	size_t at = 0;

	for (;;) {
		size_t bytes = 0;
		int known = record_peek(from + at, n - at, &bytes);

		if (known < 0)
			return SIZE_MAX;
		if (known == 0 || bytes > n - at)
			return at;
		at += bytes;
		(*records)++;
	}
}
