/*
 * The options of a program that sends and receives frames of its own: ports and
 * queues, addresses, how flows are spread. Used with generator_options.h in the
 * same getopt_long() table: put LINK_LONG_OPTIONS there, give 'p' and values in
 * LINK_OPTION_FIRST..LINK_OPTION_LAST to link_option().
 */
#ifndef COMMON_DPDK_LINK_OPTIONS_H
#define COMMON_DPDK_LINK_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>

#include "port.h"

#define LINK_MAX_BURST 64

/* Who chooses a packet's queue. */
enum spread_by {
	SPREAD_TOEPLITZ, /* this program, by the hash of a NIC: for devices that do not spread */
	SPREAD_DRIVER,	 /* the device at the other end: everything leaves by queue 0 */
};

struct link_options {
	uint64_t port_mask; /* 0 with --floor alone */
	struct port_wish wish;
	enum spread_by spread;
	uint32_t src_ip;
	uint32_t dst_ip;
	struct rte_ether_addr peer_mac; /* zero: to be learned */
	uint16_t burst;
};

enum link_option {
	LINK_OPTION_FIRST = 2000,
	OPTION_QUEUES = LINK_OPTION_FIRST,
	OPTION_TX_QUEUES,
	OPTION_SPREAD,
	OPTION_SRC_IP,
	OPTION_DST_IP,
	OPTION_PEER_MAC,
	OPTION_RX_DESC,
	OPTION_TX_DESC,
	OPTION_BURST,
	LINK_OPTION_LAST = OPTION_BURST,
};

/* clang-format off */
#define LINK_LONG_OPTIONS \
	{"queues", required_argument, NULL, OPTION_QUEUES}, \
	{"tx-queues", required_argument, NULL, OPTION_TX_QUEUES}, \
	{"spread", required_argument, NULL, OPTION_SPREAD}, \
	{"src-ip", required_argument, NULL, OPTION_SRC_IP}, \
	{"dst-ip", required_argument, NULL, OPTION_DST_IP}, \
	{"peer-mac", required_argument, NULL, OPTION_PEER_MAC}, \
	{"rx-desc", required_argument, NULL, OPTION_RX_DESC}, \
	{"tx-desc", required_argument, NULL, OPTION_TX_DESC}, \
	{"burst", required_argument, NULL, OPTION_BURST}
/* clang-format on */

/* Prints the lines for --help. */
void link_options_help(void);

void link_options_begin(struct link_options *o);

/* Takes `-p` or one option's value; false after a message if it is wrong. */
bool link_option(struct link_options *o, int option, const char *text);

/* Whether what is needed was given; with `floor` no port is. */
bool link_options_check(const struct link_options *o, bool floor);

#endif
