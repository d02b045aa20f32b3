/*
 * Bring-up of an Ethernet port: as many queue pairs as asked for, flows spread
 * over the receive queues by IPv4/UDP where the driver does that, descriptor
 * counts within the driver's limits.
 *
 * Primary process only; a secondary uses what its primary started.
 */
#ifndef COMMON_DPDK_PORT_H
#define COMMON_DPDK_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_mempool.h>

#define PORT_MAX 32 /* bits of a port mask */
#define PORT_DRIVER_BYTES 32

struct port_wish {
	uint16_t queues;    /* receive queues */
	uint16_t tx_queues; /* send queues; 0: as many as receive queues */
	uint16_t rx_desc;
	uint16_t tx_desc;
	uint16_t mtu; /* 0: the usual 1500 */
};

struct port_state {
	struct rte_ether_addr mac;
	uint16_t port;
	uint16_t queues; /* receive queues: as many as wished, or more where the driver wants pairs
			  */
	uint16_t tx_queues;
	uint16_t rx_desc; /* as the driver took them */
	uint16_t tx_desc;
	bool spreads; /* the device spreads flows over its receive queues */
	char driver[PORT_DRIVER_BYTES];
};

/* The ports of a mask in rising order. Returns how many, or 0 after a message if one of them does
 * not exist. */
uint16_t ports_of_mask(uint64_t mask, uint16_t ports[PORT_MAX]);

/* Index of the port that port `index` of `count` is paired with: 0<->1, 2<->3; an odd last one with
 * itself. */
static inline uint16_t
port_pair(uint16_t index, uint16_t count)
{
	uint16_t pair = index ^ 1;

	return pair < count ? pair : index;
}

/*
 * Whether `port` can give `queues` queue pairs, and, if `shared`, to several processes.
 * False after a message that says what to change.
 */
bool port_can(uint16_t port, uint16_t queues, bool shared);

/* mbufs that the queues of `port` may hold at once, its driver's own stock included. */
uint32_t port_mbufs(uint16_t port, const struct port_wish *wish);

/* Configures and starts. 0, or -1 after a message. */
int port_start(uint16_t port, const struct port_wish *wish, struct rte_mempool *pool,
		struct port_state *state);

/*
 * Waits until all links are up: woken by the drivers that report it, looking now and then at those
 * that do not. 0; -1 after a message that names the port if the time is over or a stop was asked
 * for.
 */
int ports_wait_link(const uint16_t *ports, uint16_t count, unsigned int timeout_ms);

/* Stops and closes; says so if the driver refuses. */
void port_end(uint16_t port);

#endif
