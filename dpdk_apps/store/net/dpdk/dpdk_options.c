#include "dpdk_options.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "options.h"
#include "port_options.h"

#define USUAL_MTU 1500

enum dpdk_option {
	IP = TRANSPORT_OPTION_FIRST,
	UDP,
	MTU,
	RX_DESC,
	TX_DESC,
	PEER_IP,
	PEER_MAC,
	SRC_PORT
};

/* clang-format off */
#define BOTH_ENDS \
	{"ip", required_argument, NULL, IP}, \
	{"port", required_argument, NULL, UDP}, \
	{"mtu", required_argument, NULL, MTU}, \
	{"rx-desc", required_argument, NULL, RX_DESC}, \
	{"tx-desc", required_argument, NULL, TX_DESC}
/* clang-format on */

static const struct option server_table[] = {BOTH_ENDS, {NULL, 0, NULL, 0}};
static const struct option client_table[] = {
		BOTH_ENDS,
		{"peer-ip", required_argument, NULL, PEER_IP},
		{"peer-mac", required_argument, NULL, PEER_MAC},
		{"src-port", required_argument, NULL, SRC_PORT},
		{NULL, 0, NULL, 0},
};

void
dpdk_options_begin(struct dpdk_options *o, enum transport_end end)
{
	*o = (struct dpdk_options){
			.end = end,
			.wish = {.queues = 1,
					.rx_desc = PORT_DESCRIPTORS,
					.tx_desc = PORT_DESCRIPTORS,
					.mtu = USUAL_MTU},
			.client_udp = DPDK_CLIENT_UDP,
			.server.udp = DPDK_SERVER_UDP,
	};
}

const struct option *
dpdk_options_table(enum transport_end end)
{
	return end == TRANSPORT_SERVER ? server_table : client_table;
}

void
dpdk_options_help(enum transport_end end)
{
	(void)fputs(end == TRANSPORT_SERVER
					? "  -p MASK             ports to serve, hexadecimal; each "
					  "is a link of its own\n"
					: "  -p MASK             the one port, hexadecimal\n",
			stdout);
	(void)printf("  --ip IP             address of this end\n"
		     "  --port N            UDP port of the server (%d)\n"
		     "  --mtu N             bytes of an IP packet, %d to %d (%d)\n"
		     "  --rx-desc N         receive descriptors (%d)\n"
		     "  --tx-desc N         send descriptors (%d)\n",
			DPDK_SERVER_UDP, FRAME_MTU_MIN, FRAME_MTU_MAX, USUAL_MTU, PORT_DESCRIPTORS,
			PORT_DESCRIPTORS);
	if (end == TRANSPORT_CLIENT)
		(void)printf("  --peer-ip IP        address of the server\n"
			     "  --peer-mac MAC      its station; without it, the one that answers "
			     "a broadcast\n"
			     "  --src-port N        UDP port of this client, by which queues are "
			     "chosen (%d)\n",
				DPDK_CLIENT_UDP);
}

static bool
take_ip(const char *name, const char *text, uint32_t *ip)
{
	struct in_addr address;

	if (inet_pton(AF_INET, text, &address) != 1 || address.s_addr == INADDR_ANY) {
		complain("%s '%s': write an IPv4 address, such as 198.19.0.101", name, text);
		return false;
	}
	*ip = ntohl(address.s_addr);
	return true;
}

static bool
take_mac(const char *text, struct dpdk_server_address *server)
{
	server->has_mac = rte_ether_unformat_addr(text, &server->mac) == 0 &&
			  rte_is_valid_assigned_ether_addr(&server->mac);
	if (!server->has_mac)
		complain("--peer-mac '%s': write the address of one station, such as "
			 "02:00:00:00:00:66",
				text);
	return server->has_mac;
}

bool
dpdk_options_take(struct dpdk_options *o, int option, const char *text)
{
	switch (option) {
	case 'p':
		return port_mask_read("-p", text, &o->port_mask);
	case IP:
		return take_ip("--ip", text, &o->ip);
	case UDP:
		return option_count16("--port", text, 1, UINT16_MAX, &o->server.udp);
	case MTU:
		return option_count16("--mtu", text, FRAME_MTU_MIN, FRAME_MTU_MAX, &o->wish.mtu);
	case RX_DESC:
		return option_descriptors("--rx-desc", text, &o->wish.rx_desc);
	case TX_DESC:
		return option_descriptors("--tx-desc", text, &o->wish.tx_desc);
	case PEER_IP:
		return take_ip("--peer-ip", text, &o->server.ip);
	case PEER_MAC:
		return take_mac(text, &o->server);
	case SRC_PORT:
		return option_count16("--src-port", text, 1, UINT16_MAX, &o->client_udp);
	default:
		return false;
	}
}

bool
dpdk_options_complete(const struct dpdk_options *o)
{
	bool one = (o->port_mask & (o->port_mask - 1)) == 0;

	if (!option_given(o->port_mask != 0, "-p") || !option_given(o->ip != 0, "--ip"))
		return false;
	if (o->end == TRANSPORT_SERVER)
		return true;
	if (!one)
		complain("-p 0x%lx: a client has one port", (unsigned long)o->port_mask);
	return one && option_given(o->server.ip != 0, "--peer-ip");
}
