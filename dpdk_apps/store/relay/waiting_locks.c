#include "waiting_locks.h"

#include <errno.h>
#include <string.h>

bool
waiting_locks_keep(struct waiting_locks *w, const uint8_t *request, size_t bytes, int32_t answer)
{
	struct fuse_in_header header;

	memcpy(&header, request, sizeof(header));
	if (header.opcode != FUSE_SETLKW || answer != -EAGAIN || bytes != WAITING_LOCK_BYTES ||
			w->count == WAITING_LOCKS_MOST)
		return false;
	memcpy(w->requests[w->count++], request, bytes);
	return true;
}

bool
waiting_locks_take(struct waiting_locks *w, uint64_t unique)
{
	struct fuse_in_header header;

	for (size_t i = 0; i < w->count; i++) {
		memcpy(&header, w->requests[i], sizeof(header));
		if (header.unique != unique)
			continue;
		/* The others keep their order: who came first is asked first. */
		memmove(w->requests[i], w->requests[i + 1],
				(w->count - i - 1) * sizeof(w->requests[0]));
		w->count--;
		return true;
	}
	return false;
}
