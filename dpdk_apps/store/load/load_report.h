/* What the load client leaves: its samples and its statistics (docs/stats-format.md). */
#ifndef STORE_LOAD_REPORT_H
#define STORE_LOAD_REPORT_H

#include "load_run.h"
#include "rpc_answerer.h"
#include "transport.h"

/* Who answered; both NULL: nobody but the program itself. */
struct load_server {
	struct rpc_answerer *rpc;
	struct transport *transport;
};

/* 0, or -1 after a message. */
int load_report(const struct load *l, const struct load_server *server);

#endif
