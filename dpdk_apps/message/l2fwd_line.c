#include "l2fwd_line.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "options.h"

#define DEFAULT_DESCRIPTORS 1024
#define DEFAULT_DRAIN_US 100
#define MAX_DESCRIPTORS 32768
#define MAX_DRAIN_US 1000000
#define MAX_MTU 9216
#define MAX_DUMP 10000

enum {
	OPTION_IDLE = 256,
	OPTION_LOOP,
	OPTION_SLEEP,
	OPTION_DRAIN,
	OPTION_MTU,
	OPTION_RX_DESC,
	OPTION_TX_DESC,
	OPTION_DUMP,
	OPTION_CAPTURE,
	OPTION_STATS,
};

static const struct option table[] = {
		{"idle", required_argument, NULL, OPTION_IDLE},
		{"loop", required_argument, NULL, OPTION_LOOP},
		{"sleep-us", required_argument, NULL, OPTION_SLEEP},
		{"drain-us", required_argument, NULL, OPTION_DRAIN},
		{"mtu", required_argument, NULL, OPTION_MTU},
		{"rx-desc", required_argument, NULL, OPTION_RX_DESC},
		{"tx-desc", required_argument, NULL, OPTION_TX_DESC},
		{"dump", required_argument, NULL, OPTION_DUMP},
		{"capture", required_argument, NULL, OPTION_CAPTURE},
		{"stats", required_argument, NULL, OPTION_STATS},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
};

static void
print_help(void)
{
	printf("l2fwd <EAL arguments> -- -p MASK --stats FILE [options]\n"
	       "Forwards every frame, with its MAC addresses changed, by the port that its port is "
	       "paired\n"
	       "with. Frames wait in a send buffer until there are 32, or until it is drained.\n"
	       "  -p MASK             ports to use, hexadecimal; pairs in order, a last one with "
	       "itself\n"
	       "  --drain-us D        drain the send buffers this often; 0: every turn, never: "
	       "only "
	       "when full (%d)\n"
	       "  --loop poll|naive   sleep when there is nothing to do, or after every turn "
	       "(poll)\n"
	       "  --sleep-us S        how long (0: poll)\n"
	       "  --idle spin|yield   what to do when nothing came and there is no sleep (spin)\n"
	       "  --mtu M             bytes of an IP packet that the links carry (1500)\n"
	       "  --rx-desc D         receive descriptors of a queue (%d)\n"
	       "  --tx-desc D         send descriptors of a queue (%d)\n"
	       "  --dump N            keep the first N packets received and sent (0)\n"
	       "  --capture NAME      in NAME.dump.txt, NAME.rx.pcap and NAME.tx.pcap\n"
	       "  --stats FILE        where the statistics go\n",
			DEFAULT_DRAIN_US, DEFAULT_DESCRIPTORS, DEFAULT_DESCRIPTORS);
}

static bool
take_drain(int32_t *drain_us)
{
	uint64_t count;

	if (strcmp(optarg, "never") == 0) {
		*drain_us = DRAIN_NEVER;
		return true;
	}
	if (!option_count("--drain-us", optarg, 0, MAX_DRAIN_US, &count))
		return false;
	*drain_us = (int32_t)count;
	return true;
}

static bool
take(struct l2fwd_line *l, int option, char *const argv[])
{
	uint64_t count = 0;
	bool right;

	switch (option) {
	case 'p':
		return port_mask_read("-p", optarg, &l->port_mask);
	case OPTION_IDLE:
		return option_idle("--idle", optarg, &l->shape.idle);
	case OPTION_LOOP:
		return option_loop("--loop", optarg, &l->shape);
	case OPTION_SLEEP:
		return option_sleep("--sleep-us", optarg, &l->shape);
	case OPTION_DRAIN:
		return take_drain(&l->drain_us);
	case OPTION_MTU:
		right = option_count("--mtu", optarg, 576, MAX_MTU, &count);
		l->wish.mtu = (uint16_t)count;
		return right;
	case OPTION_RX_DESC:
		right = option_count("--rx-desc", optarg, 32, MAX_DESCRIPTORS, &count);
		l->wish.rx_desc = (uint16_t)count;
		return right;
	case OPTION_TX_DESC:
		right = option_count("--tx-desc", optarg, 32, MAX_DESCRIPTORS, &count);
		l->wish.tx_desc = (uint16_t)count;
		return right;
	case OPTION_DUMP:
		right = option_count("--dump", optarg, 0, MAX_DUMP, &count);
		l->dump = (uint32_t)count;
		return right;
	case OPTION_CAPTURE:
		l->capture = optarg;
		return true;
	case OPTION_STATS:
		l->stats = optarg;
		return true;
	default:
		option_refused(option, argv);
		return false;
	}
}

bool
l2fwd_line_read(struct l2fwd_line *l, int argc, char **argv)
{
	int option;

	*l = (struct l2fwd_line){
			.wish = {.queues = 1,
					.rx_desc = DEFAULT_DESCRIPTORS,
					.tx_desc = DEFAULT_DESCRIPTORS},
			.drain_us = DEFAULT_DRAIN_US,
	};
	opterr = 0;
	optind = 1;
	while ((option = getopt_long(argc, argv, ":p:h", table, NULL)) != -1) {
		if (option == 'h') {
			print_help();
			l->help = true;
			return true;
		}
		if (!take(l, option, argv))
			return false;
	}
	if (optind < argc)
		complain("'%s' is no option; --help lists them", argv[optind]);
	else if (l->port_mask == 0)
		complain("-p is missing; --help lists the options");
	else if (l->stats == NULL)
		complain("--stats is missing; --help lists the options");
	else if (l->dump > 0 && l->capture == NULL)
		complain("--dump without --capture: say what the files are to be called");
	else
		return true;
	return false;
}
