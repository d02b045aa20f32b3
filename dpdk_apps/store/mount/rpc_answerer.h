/* A server of the store, behind a transport, as who answers the relay's requests. */
#ifndef STORE_RPC_ANSWERER_H
#define STORE_RPC_ANSWERER_H

#include "answerer.h"
#include "transport.h"

struct rpc_answerer;

/*
 * A client of the server that `t` leads to, which outlives it: `slots` requests at once, of at most
 * `value_max` bytes. It has not spoken yet. NULL after one clear line.
 */
struct rpc_answerer *rpc_answerer_create(struct transport *t, uint16_t slots, uint32_t value_max,
		uint64_t deadline, uint64_t ticks_per_s);

/* Until the server has agreed, at most for a deadline. 0, or -1 after one clear line or where a
 * signal asked to stop. */
int rpc_answerer_join(struct rpc_answerer *r);

/* Says BYE; what is out ends. */
void rpc_answerer_leave(struct rpc_answerer *r);

void rpc_answerer_destroy(struct rpc_answerer *r);

struct answerer *rpc_answerer_base(struct rpc_answerer *r);

/* What was agreed on and counted. */
const struct rpc_client *rpc_answerer_client(const struct rpc_answerer *r);

#endif
