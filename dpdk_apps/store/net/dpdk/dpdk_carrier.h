/*
 * The store's packets in IPv4/UDP frames over DPDK ports, one packet a frame. A server has one
 * carrier over all its ports, a client one over one port. The UDP source port of a client steers
 * the queue of whoever spreads flows; there is one queue a port here.
 *
 * A frame has no UDP checksum: its packet has a CRC32C.
 */
#ifndef STORE_DPDK_CARRIER_H
#define STORE_DPDK_CARRIER_H

#include <stdbool.h>
#include <stdint.h>

#include "carrier.h"
#include "dpdk_peers.h"
#include "dpdk_port.h"

/* Why a frame that came went no further. The first FRAME_ERRORS values: as frame_read() says. */
enum dpdk_drop {
	DPDK_DROP_SEGMENTED = FRAME_ERRORS, /* in several buffers: larger than any of ours */
	DPDK_DROP_MAC,			    /* to another station, or not from the server's */
	DPDK_DROP_IP,			    /* to or from another address */
	DPDK_DROP_PORT,			    /* to or from another UDP port */
	DPDK_DROP_STRANGER,		    /* from one that is not known, and no packet of ours */
	DPDK_DROPS,			    /* number of values */
};

const char *dpdk_drop_name(enum dpdk_drop reason);

/* Of a client: where the server is. */
struct dpdk_server_address {
	uint32_t ip;
	uint16_t udp;
	bool has_mac; /* else it is learned */
	struct rte_ether_addr mac;
};

struct dpdk_carrier {
	struct carrier carrier; /* first: what users hold is this */
	struct burst_guard guard;
	struct dpdk_server_address server;
	uint32_t server_peer; /* its number; DPDK_PEERS_NONE: this is a server */
	uint16_t port_count;
	struct dpdk_port ports[PORT_MAX];
	uint64_t drops[PORT_MAX][DPDK_DROPS];
	struct dpdk_peers peers;
};

/*
 * Over `count` ports that have begun, with the address of this end. `server` is NULL for a server;
 * a client has one port. `mtu` is that of all links.
 */
void dpdk_carrier_begin(struct dpdk_carrier *c, uint16_t count, uint32_t ip, uint16_t udp,
		const struct dpdk_server_address *server, uint16_t mtu);

/* Whether the client's link stands; a server's always does. */
static inline bool
dpdk_carrier_connected(const struct dpdk_carrier *c)
{
	return c->server_peer == DPDK_PEERS_NONE || c->ports[0].up;
}

#endif
