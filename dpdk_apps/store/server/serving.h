/* The server at work: requests from a transport to a service, until it is asked to stop. */
#ifndef STORE_SERVING_H
#define STORE_SERVING_H

#include "server_options.h"
#include "service.h"
#include "transport.h"

#define SERVING_REFUSAL_BYTES 160

struct serving {
	uint64_t epoch;
	double ticks_per_s;
	struct rpc_server_counts counts;
	uint32_t sessions;		     /* when it was asked to stop */
	char refusal[SERVING_REFUSAL_BYTES]; /* why a client was refused last; "": none was */
};

/* Says that it is ready, and says BYE to its clients at the end. 0, or -1 after a message. */
int serve(struct serving *v, const struct server_options *o, struct transport *t,
		const struct service *service);

#endif
