#include "l2fwd_line.h"

#include <stdio.h>
#include <string.h>

#include "capture.h"
#include "option_reader.h"
#include "options.h"
#include "port_options.h"

#define DEFAULT_DRAIN_US 100
#define MAX_DRAIN_US 1000000
#define MAX_MTU 9216

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
			DEFAULT_DRAIN_US, PORT_DESCRIPTORS, PORT_DESCRIPTORS);
}

static bool
take_drain(const char *text, int32_t *drain_us)
{
	uint64_t count;

	if (strcmp(text, "never") == 0) {
		*drain_us = DRAIN_NEVER;
		return true;
	}
	if (!option_count("--drain-us", text, 0, MAX_DRAIN_US, &count))
		return false;
	*drain_us = (int32_t)count;
	return true;
}

static bool
take(void *options, int option, const char *text)
{
	struct l2fwd_line *l = options;

	switch (option) {
	case 'p':
		return port_mask_read("-p", text, &l->port_mask);
	case OPTION_IDLE:
		return option_idle("--idle", text, &l->shape.idle);
	case OPTION_LOOP:
		return option_loop("--loop", text, &l->shape);
	case OPTION_SLEEP:
		return option_sleep("--sleep-us", text, &l->shape);
	case OPTION_DRAIN:
		return take_drain(text, &l->drain_us);
	case OPTION_MTU:
		return option_count16("--mtu", text, 576, MAX_MTU, &l->wish.mtu);
	case OPTION_RX_DESC:
		return option_descriptors("--rx-desc", text, &l->wish.rx_desc);
	case OPTION_TX_DESC:
		return option_descriptors("--tx-desc", text, &l->wish.tx_desc);
	case OPTION_DUMP:
		return option_dump("--dump", text, &l->dump);
	case OPTION_CAPTURE:
		l->capture = text;
		return true;
	case OPTION_STATS:
		l->stats = text;
		return true;
	default:
		return false;
	}
}

static bool
complete(void *options)
{
	const struct l2fwd_line *l = options;

	return option_given(l->port_mask != 0, "-p") && option_given(l->stats != NULL, "--stats") &&
	       capture_options_check(l->dump, l->capture);
}

static const struct option_reader reader = {
		.table = table,
		.letters = ":p:h",
		.beside_eal = true,
		.help = print_help,
		.take = take,
		.complete = complete,
};

int
l2fwd_line_read(void *options, int argc, char **argv)
{
	struct l2fwd_line *l = options;

	*l = (struct l2fwd_line){
			.wish = {.queues = 1,
					.rx_desc = PORT_DESCRIPTORS,
					.tx_desc = PORT_DESCRIPTORS},
			.drain_us = DEFAULT_DRAIN_US,
	};
	return options_read(&reader, l, argc, argv);
}
