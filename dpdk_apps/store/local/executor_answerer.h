/* An executor in the same process as who answers the relay's requests. */
#ifndef STORE_EXECUTOR_ANSWERER_H
#define STORE_EXECUTOR_ANSWERER_H

#include "answerer.h"
#include "executor.h"

struct executor_answerer {
	struct answerer answerer; /* first */
	struct executor *executor;
	_Alignas(8) uint8_t out[EXECUTOR_ANSWER_MAX];
};

/* The executor is the caller's and outlives it. NULL after one clear line; free() ends it. */
struct executor_answerer *executor_answerer_create(struct executor *e);

#endif
