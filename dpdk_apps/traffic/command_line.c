#include "command_line.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "frame.h"
#include "options.h"
#include "spread.h"

#define DEFAULT_TIMEOUT_MS 100
#define DEFAULT_DESCRIPTORS 1024
#define DEFAULT_BURST 32
#define MAX_DESCRIPTORS 32768
#define DEFAULT_SRC_IP FRAME_IP(198, 19, 0, 101)
#define DEFAULT_DST_IP FRAME_IP(198, 19, 0, 102)

_Static_assert(GENERATOR_MAX_FLOWS <= SPREAD_MAX_FLOWS, "each flow has a source port of its own");

enum {
	OPTION_QUEUES = 256,
	OPTION_TX_QUEUES,
	OPTION_SPREAD,
	OPTION_SRC_IP,
	OPTION_DST_IP,
	OPTION_PEER_MAC,
	OPTION_RX_DESC,
	OPTION_TX_DESC,
	OPTION_BURST,
};

static const struct option table[] = {
		GENERATOR_LONG_OPTIONS,
		{"queues", required_argument, NULL, OPTION_QUEUES},
		{"tx-queues", required_argument, NULL, OPTION_TX_QUEUES},
		{"spread", required_argument, NULL, OPTION_SPREAD},
		{"src-ip", required_argument, NULL, OPTION_SRC_IP},
		{"dst-ip", required_argument, NULL, OPTION_DST_IP},
		{"peer-mac", required_argument, NULL, OPTION_PEER_MAC},
		{"rx-desc", required_argument, NULL, OPTION_RX_DESC},
		{"tx-desc", required_argument, NULL, OPTION_TX_DESC},
		{"burst", required_argument, NULL, OPTION_BURST},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
};

static void
print_help(void)
{
	printf("traffic <EAL arguments> -- -p MASK --queues Q --flows F --size S (--depth K | "
	       "--rate R)\n"
	       "        --warmup SEC --window SEC --samples FILE --stats FILE [options]\n"
	       "Sends messages in IPv4/UDP frames to a forwarder, checks every byte of what comes "
	       "back\n"
	       "and records each round trip. Flow f has UDP source port %u + f.\n"
	       "  -p MASK             ports to use, hexadecimal; flow f leaves by port f mod their "
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
	       "  --burst B           packets taken or sent at once, at most (%d)\n"
	       "%s",
			SPREAD_FIRST_PORT, DEFAULT_DESCRIPTORS, DEFAULT_DESCRIPTORS, DEFAULT_BURST,
			generator_help);
}

static bool
take_count16(const char *name, uint64_t low, uint64_t high, uint16_t *value)
{
	uint64_t count;

	if (!option_count(name, optarg, low, high, &count))
		return false;
	*value = (uint16_t)count;
	return true;
}

static bool
take_ip(const char *name, uint32_t *ip)
{
	struct in_addr address;

	if (inet_pton(AF_INET, optarg, &address) != 1) {
		complain("%s '%s': write an IPv4 address, such as 198.19.0.101", name, optarg);
		return false;
	}
	*ip = ntohl(address.s_addr);
	return true;
}

static bool
take_mac(struct rte_ether_addr *mac)
{
	if (rte_ether_unformat_addr(optarg, mac) == 0 && rte_is_valid_assigned_ether_addr(mac))
		return true;
	complain("--peer-mac '%s': write the address of one station, such as 02:00:00:00:00:66",
			optarg);
	return false;
}

static bool
take_spread(enum spread_by *spread)
{
	static const char *const choices[] = {"toeplitz", "driver", NULL};
	int index;

	if (!option_choice("--spread", optarg, choices, &index))
		return false;
	*spread = (enum spread_by)index;
	return true;
}

static bool
take(struct command_line *c, int option, char *const argv[])
{
	if (option >= GENERATOR_OPTION_FIRST && option <= GENERATOR_OPTION_LAST)
		return generator_option(&c->generator, option, optarg, FRAME_MAX_PAYLOAD);
	switch (option) {
	case 'p':
		return port_mask_read("-p", optarg, &c->port_mask);
	case OPTION_QUEUES:
		return take_count16("--queues", 1, SPREAD_TABLE_ENTRIES, &c->wish.queues);
	case OPTION_TX_QUEUES:
		return take_count16("--tx-queues", 1, SPREAD_TABLE_ENTRIES, &c->wish.tx_queues);
	case OPTION_SPREAD:
		return take_spread(&c->spread);
	case OPTION_SRC_IP:
		return take_ip("--src-ip", &c->src_ip);
	case OPTION_DST_IP:
		return take_ip("--dst-ip", &c->dst_ip);
	case OPTION_PEER_MAC:
		return take_mac(&c->peer_mac);
	case OPTION_RX_DESC:
		return take_count16("--rx-desc", 32, MAX_DESCRIPTORS, &c->wish.rx_desc);
	case OPTION_TX_DESC:
		return take_count16("--tx-desc", 32, MAX_DESCRIPTORS, &c->wish.tx_desc);
	case OPTION_BURST:
		return take_count16("--burst", 1, TRAFFIC_MAX_BURST, &c->burst);
	default:
		option_refused(option, argv);
		return false;
	}
}

static bool
complete(struct command_line *c)
{
	if (c->wish.queues == 0) {
		complain("--queues is missing; --help lists the options");
		return false;
	}
	if (c->wish.tx_queues > c->wish.queues) {
		complain("--tx-queues %u with --queues %u: it must not be more", c->wish.tx_queues,
				c->wish.queues);
		return false;
	}
	if (c->port_mask == 0 && !c->generator.floor) {
		complain("-p is missing; --help lists the options");
		return false;
	}
	return generator_options_check(&c->generator);
}

bool
command_line_read(struct command_line *c, int argc, char **argv)
{
	int option;

	*c = (struct command_line){
			.wish = {.rx_desc = DEFAULT_DESCRIPTORS, .tx_desc = DEFAULT_DESCRIPTORS},
			.spread = SPREAD_TOEPLITZ,
			.src_ip = DEFAULT_SRC_IP,
			.dst_ip = DEFAULT_DST_IP,
			.burst = DEFAULT_BURST,
	};
	generator_options_begin(&c->generator, DEFAULT_TIMEOUT_MS);
	opterr = 0;
	optind = 1;
	while ((option = getopt_long(argc, argv, ":p:h", table, NULL)) != -1) {
		if (option == 'h') {
			print_help();
			c->help = true;
			return true;
		}
		if (!take(c, option, argv))
			return false;
	}
	if (optind < argc) {
		complain("'%s' is no option; --help lists them", argv[optind]);
		return false;
	}
	return complete(c);
}
