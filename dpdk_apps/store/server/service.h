/* What is served: how a request is carried out, behind the protocol and its transport. */
#ifndef STORE_SERVICE_H
#define STORE_SERVICE_H

#include "server.h"

struct service {
	rpc_run *run;
	rpc_left *left; /* NULL: it does not matter who has gone */
	void *self;
};

#endif
