/*
 * INIT, with which a kernel and its file system agree on how they talk. The kernel says it once; a
 * server that is started anew has to hear it before anything else and must agree to the same.
 */
#ifndef STORE_INIT_H
#define STORE_INIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INIT_BYTES_MOST 256

enum init_state {
	INIT_NEW,     /* the kernel's own is not answered yet: it is passed on as any request */
	INIT_KNOWN,   /* to the server: other requests may follow */
	INIT_AGAIN,   /* is to be said again */
	INIT_OUT,     /* is being said again */
	INIT_DIFFERS, /* this server does not agree to what was agreed on */
};

struct init {
	enum init_state state;
	uint64_t life; /* of the server that it is about */
	uint32_t request_bytes, answer_bytes;
	_Alignas(8) uint8_t request[INIT_BYTES_MOST];
	_Alignas(8) uint8_t answer[INIT_BYTES_MOST];
};

/*
 * Keeps the kernel's INIT and the server's answer to it. False with a line in `why` where the
 * answer is an error, or permits requests and answers of more than `value_max` bytes.
 */
bool init_keep(struct init *i, const uint8_t *request, size_t request_bytes, const uint8_t *answer,
		size_t bytes, uint32_t value_max, char *why, size_t why_size);

/* Takes note of which life of the server requests go to. */
void init_notice(struct init *i, uint64_t life);

/* The answer to the INIT that was said again. False with a line in `why` where it is another. */
bool init_compare(struct init *i, const uint8_t *answer, size_t bytes, char *why, size_t why_size);

#endif
