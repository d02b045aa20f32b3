/*
 * Who answers where there is neither server nor transport (--floor): echoes, or a file in memory
 * that is asked for as the store's is. What is left of a latency is the load client's own.
 */
#ifndef STORE_FLOOR_ANSWERER_H
#define STORE_FLOOR_ANSWERER_H

#include "answerer.h"
#include "load_options.h"

struct floor_answerer;

/* NULL after one clear line. */
struct floor_answerer *floor_answerer_create(const struct load_options *o);
void floor_answerer_destroy(struct floor_answerer *f);

struct answerer *floor_answerer_base(struct floor_answerer *f);

/* Requests that were taken and answered. */
uint64_t floor_answerer_count(const struct floor_answerer *f);

#endif
