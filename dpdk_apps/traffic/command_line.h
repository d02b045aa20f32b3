/* Command line of traffic, after the "--". */
#ifndef TRAFFIC_COMMAND_LINE_H
#define TRAFFIC_COMMAND_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>

#include "generator_options.h"
#include "port.h"

#define TRAFFIC_MAX_BURST 64

/* Who chooses a packet's queue. */
enum spread_by {
	SPREAD_TOEPLITZ, /* this program, by the hash of a NIC: for devices that do not spread */
	SPREAD_DRIVER,	 /* the device at the other end: everything leaves by queue 0 */
};

struct command_line {
	struct generator_options generator;
	uint64_t port_mask; /* 0 with --floor alone */
	struct port_wish wish;
	enum spread_by spread;
	uint32_t src_ip;
	uint32_t dst_ip;
	struct rte_ether_addr peer_mac; /* zero: to be learned */
	uint16_t burst;
	bool help;
};

/* False after a message if the command line is wrong. `--help` prints and sets `help`. */
bool command_line_read(struct command_line *c, int argc, char **argv);

#endif
