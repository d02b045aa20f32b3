/* Command line of a program of the store over DPDK, after the "--": ports, addresses, MTU. */
#ifndef STORE_DPDK_OPTIONS_H
#define STORE_DPDK_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "dpdk_carrier.h"
#include "driver.h"

/* UDP ports where the user does not say: of a server, and of a client. */
#define DPDK_SERVER_UDP 7100
#define DPDK_CLIENT_UDP 49152

struct dpdk_options {
	enum transport_end end;
	uint64_t port_mask;
	struct port_wish wish;
	uint32_t ip; /* 0: was not given; of this end */
	uint16_t client_udp;
	struct dpdk_server_address server; /* `ip` 0: was not given; a server's own is `ip` above */
};

void dpdk_options_begin(struct dpdk_options *o, enum transport_end end);
const struct option *dpdk_options_table(enum transport_end end);
void dpdk_options_help(enum transport_end end);

/* As take() and complete() of option_reader.h. */
bool dpdk_options_take(struct dpdk_options *o, int option, const char *text);
bool dpdk_options_complete(const struct dpdk_options *o);

#endif
