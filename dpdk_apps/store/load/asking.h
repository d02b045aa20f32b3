/* Single requests before and behind a measurement: asked, and waited for. */
#ifndef STORE_ASKING_H
#define STORE_ASKING_H

#include <stdbool.h>

#include "answerer.h"
#include "fuse_requests.h"

/* An answer without data: the longest is that of CREATE. */
#define ASKING_ANSWER_MAX 1024

struct asking {
	struct answerer *answerer;
	uint64_t deadline; /* ticks from a request to its answer */
	double ticks_per_s;
	struct fuse_requester requester;
	uint64_t count;	 /* requests so far */
	bool to_the_end; /* whatever signals come: what was made is to be taken away */
	_Alignas(8) uint8_t request[FUSE_REQUEST_SMALL]; /* to be written to */
	/* Of the last request. */
	bool answered;
	int error; /* that its answer says; 0: it was carried out */
	uint32_t answer_bytes;
	_Alignas(8) uint8_t answer[ASKING_ANSWER_MAX];
};

/* Nothing else is asked of the answerer meanwhile. */
void asking_begin(
		struct asking *a, struct answerer *answerer, uint64_t deadline, double ticks_per_s);

/*
 * Asks the last request of the requester and keeps its answer, whose data are to be `wanted` bytes
 * where it has no error. 0, also where it has an error; -1 after one clear line that says `what`
 * was asked.
 */
int ask(struct asking *a, const uint8_t *request, uint32_t bytes, uint32_t wanted,
		const char *what);

/* The same where an error is an end as well. */
int ask_surely(struct asking *a, const uint8_t *request, uint32_t bytes, uint32_t wanted,
		const char *what);

/* The data of the last answer. */
static inline const uint8_t *
asking_data(const struct asking *a)
{
	return a->answer + FUSE_ANSWER_HEAD;
}

#endif
