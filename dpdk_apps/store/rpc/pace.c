#include "pace.h"

/* Packets may be lost: soon, but not before a server that has other clients to serve, or a disk to
 * wait for, has answered most requests. */
#define LOSSY_FIRST_MS 20
#define LOSSY_FLOOR_MS 5
/* Nothing is lost but with the connection, of which only sending tells. */
#define RELIABLE_MS 250
#define CEILING_MS 500
#define HEARTBEAT_MS 500

void
rpc_client_pace(struct rpc_client_config *config, uint64_t ticks_per_s)
{
	uint64_t ms = ticks_per_s / 1000;
	bool reliable = config->carrier->reliable;

	config->rto_first = ms * (reliable ? RELIABLE_MS : LOSSY_FIRST_MS);
	config->rto_floor = ms * (reliable ? RELIABLE_MS : LOSSY_FLOOR_MS);
	config->rto_ceiling = ms * CEILING_MS;
	config->heartbeat = ms * HEARTBEAT_MS;
}
