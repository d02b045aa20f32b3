/* What recorder.c, which keeps the packets, and recorder_file.c, which writes them, both know. */
#ifndef COMMON_RECORDER_INTERNAL_H
#define COMMON_RECORDER_INTERNAL_H

#include "recorder.h"

/* Values of `back` that are no tick. The counter does not show them within centuries of boot. */
#define BACK_PENDING 0u
#define BACK_LOST UINT64_MAX

struct packet {
	uint64_t sent;
	uint64_t back;
};

struct recorder {
	struct packet *packets;
	uint64_t capacity;
	uint64_t next;	 /* packets sent, and the number of the next */
	uint64_t begin;	 /* the window is [begin, end) */
	uint64_t end;	 /* UINT64_MAX until the window ended */
	uint64_t opened; /* tick at which the window began */
	bool begun;
	struct recorder_counts counts; /* sent, lost and warmup follow from the rest */
};

/* Packets of the window. */
static inline uint64_t
window_count(const struct recorder *r)
{
	if (!r->begun)
		return 0;
	return (r->end < r->next ? r->end : r->next) - r->begin;
}

#endif
