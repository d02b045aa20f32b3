/* What times clients of the store wait for, by what carries their packets. */
#ifndef STORE_PACE_H
#define STORE_PACE_H

#include "client.h"

/*
 * Sets rto_first, rto_floor, rto_ceiling and heartbeat of `config`, whose carrier is set. A client
 * that is away is back within 2 s after its server: it says HELLO at least every `rto_ceiling` and
 * a quarter, and notices while idle after a `heartbeat`.
 */
void rpc_client_pace(struct rpc_client_config *config, uint64_t ticks_per_s);

#endif
