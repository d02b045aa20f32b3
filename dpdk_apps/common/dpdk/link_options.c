#include "link_options.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "frame.h"
#include "generator_options.h"
#include "options.h"
#include "port_options.h"
#include "spread.h"

#define DEFAULT_BURST 32
#define DEFAULT_SRC_IP FRAME_IP(198, 19, 0, 101)
#define DEFAULT_DST_IP FRAME_IP(198, 19, 0, 102)

_Static_assert(GENERATOR_MAX_FLOWS <= SPREAD_MAX_FLOWS, "each flow has a source port of its own");

void
link_options_help(void)
{
	printf("  -p MASK             ports to use, hexadecimal; flow f leaves by port f mod their "
	       "number\n"
	       "                      and returns by the port that it is paired with\n"
	       "  --queues Q          queue pairs of each port\n"
	       "  --tx-queues T       send queues of each port, where they are fewer (Q)\n"
	       "  --spread WHO        toeplitz: this program chooses the queue by a NIC's hash "
	       "(default);\n"
	       "                      driver: the receiving device does\n"
	       "  --src-ip A          address of this end\n"
	       "  --dst-ip B          address of the other end\n"
	       "  --peer-mac M        address that frames go to; without it, the one that answers "
	       "a\n"
	       "                      broadcast\n"
	       "  --rx-desc D         receive descriptors of a queue (%d)\n"
	       "  --tx-desc D         send descriptors of a queue (%d)\n"
	       "  --burst B           packets taken or sent at once, at most (%d)\n",
			PORT_DESCRIPTORS, PORT_DESCRIPTORS, DEFAULT_BURST);
}

static bool
take_ip(const char *name, const char *text, uint32_t *ip)
{
	struct in_addr address;

	if (inet_pton(AF_INET, text, &address) != 1) {
		complain("%s '%s': write an IPv4 address, such as 198.19.0.101", name, text);
		return false;
	}
	*ip = ntohl(address.s_addr);
	return true;
}

static bool
take_mac(const char *text, struct rte_ether_addr *mac)
{
	if (rte_ether_unformat_addr(text, mac) == 0 && rte_is_valid_assigned_ether_addr(mac))
		return true;
	complain("--peer-mac '%s': write the address of one station, such as 02:00:00:00:00:66",
			text);
	return false;
}

static bool
take_spread(const char *text, enum spread_by *spread)
{
	static const char *const choices[] = {"toeplitz", "driver", NULL};
	int index;

	if (!option_choice("--spread", text, choices, &index))
		return false;
	*spread = (enum spread_by)index;
	return true;
}

void
link_options_begin(struct link_options *o)
{
	*o = (struct link_options){
			.wish = {.rx_desc = PORT_DESCRIPTORS, .tx_desc = PORT_DESCRIPTORS},
			.spread = SPREAD_TOEPLITZ,
			.src_ip = DEFAULT_SRC_IP,
			.dst_ip = DEFAULT_DST_IP,
			.burst = DEFAULT_BURST,
	};
}

bool
link_option(struct link_options *o, int option, const char *text)
{
	switch (option) {
	case 'p':
		return port_mask_read("-p", text, &o->port_mask);
	case OPTION_QUEUES:
		return option_count16("--queues", text, 1, SPREAD_TABLE_ENTRIES, &o->wish.queues);
	case OPTION_TX_QUEUES:
		return option_count16(
				"--tx-queues", text, 1, SPREAD_TABLE_ENTRIES, &o->wish.tx_queues);
	case OPTION_SPREAD:
		return take_spread(text, &o->spread);
	case OPTION_SRC_IP:
		return take_ip("--src-ip", text, &o->src_ip);
	case OPTION_DST_IP:
		return take_ip("--dst-ip", text, &o->dst_ip);
	case OPTION_PEER_MAC:
		return take_mac(text, &o->peer_mac);
	case OPTION_RX_DESC:
		return option_descriptors("--rx-desc", text, &o->wish.rx_desc);
	case OPTION_TX_DESC:
		return option_descriptors("--tx-desc", text, &o->wish.tx_desc);
	case OPTION_BURST:
		return option_count16("--burst", text, 1, LINK_MAX_BURST, &o->burst);
	default:
		return false;
	}
}

bool
link_options_check(const struct link_options *o, bool floor)
{
	if (!option_given(o->wish.queues > 0, "--queues"))
		return false;
	if (o->wish.tx_queues > o->wish.queues) {
		complain("--tx-queues %u with --queues %u: it must not be more", o->wish.tx_queues,
				o->wish.queues);
		return false;
	}
	return option_given(o->port_mask != 0 || floor, "-p");
}
