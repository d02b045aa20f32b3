/*
 * Stopping and starting a port again in DPDK's interrupt thread. A memif client does not connect
 * again by itself after its server was started anew; and where the driver takes a connection down,
 * it does so in that thread, without a lock: nobody else may stop the port meanwhile. There, one
 * comes after the other, and nobody waits for a connection.
 *
 * The port must not be used while a restart is under way.
 */
#ifndef STORE_DPDK_RESTART_H
#define STORE_DPDK_RESTART_H

#include <stdbool.h>
#include <stdint.h>

struct dpdk_restart {
	uint16_t port;
	bool under_way; /* the owner's; `done` is the interrupt thread's word */
	bool done;
};

/* Asks for one. False: DPDK cannot now. */
bool dpdk_restart_begin(struct dpdk_restart *r, uint16_t port);

/* Whether none is under way (any more). */
bool dpdk_restart_over(struct dpdk_restart *r);

/* Waits for the end of one that is under way, at most `ms`. False: it goes on. */
bool dpdk_restart_settle(struct dpdk_restart *r, unsigned int ms);

#endif
