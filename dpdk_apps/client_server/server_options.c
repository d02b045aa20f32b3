#include "server_options.h"

#include <getopt.h>
#include <stdio.h>

#include "board.h"
#include "options.h"

#define DEFAULT_DESCRIPTORS 1024
#define MAX_DESCRIPTORS 32768
#define DEFAULT_RING_SIZE 512
#define MAX_RING_SIZE (1u << 20)
#define MAX_MBUFS (1u << 24)

enum {
	OPTION_DISPATCH = 256,
	OPTION_RING_SIZE,
	OPTION_IDLE,
	OPTION_RX_DESC,
	OPTION_TX_DESC,
	OPTION_MBUFS,
	OPTION_CYCLES,
	OPTION_STATS,
};

static const struct option table[] = {
		{"num-clients", required_argument, NULL, 'n'},
		{"dispatch", required_argument, NULL, OPTION_DISPATCH},
		{"ring-size", required_argument, NULL, OPTION_RING_SIZE},
		{"idle", required_argument, NULL, OPTION_IDLE},
		{"rx-desc", required_argument, NULL, OPTION_RX_DESC},
		{"tx-desc", required_argument, NULL, OPTION_TX_DESC},
		{"mbufs", required_argument, NULL, OPTION_MBUFS},
		{"count-cycles", no_argument, NULL, OPTION_CYCLES},
		{"stats", required_argument, NULL, OPTION_STATS},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
};

static const char *const dispatch_names[] = {
		[DISPATCH_ROUND_ROBIN] = "round-robin", [DISPATCH_FLOW] = "flow", NULL};

const char *
dispatch_name(enum dispatch_by by)
{
	return dispatch_names[by];
}

static void
print_help(void)
{
	printf("mp_server <EAL arguments> -- -p MASK -n N --stats FILE [options]\n"
	       "Receives from the ports, alone, and hands the frames to the rings of N clients.\n"
	       "  -p MASK               ports to use, hexadecimal\n"
	       "  -n, --num-clients N   clients (1..%d); each has a send queue of every port\n"
	       "  --dispatch WHO        round-robin: each client in turn (default); flow: by a "
	       "hash "
	       "of\n"
	       "                        addresses and ports, so that a flow stays in order\n"
	       "  --ring-size R         frames that a client's ring holds, a power of two (%d)\n"
	       "  --idle spin|yield     what to do when nothing came (spin)\n"
	       "  --rx-desc D           receive descriptors of a queue (%d)\n"
	       "  --tx-desc D           send descriptors of a queue (%d)\n"
	       "  --mbufs M             packet buffers (as many as queues and rings need)\n"
	       "  --count-cycles        count the ticks of turns in which frames came\n"
	       "  --stats FILE          where the statistics go\n",
			DISPATCH_MAX_CLIENTS, DEFAULT_RING_SIZE, DEFAULT_DESCRIPTORS,
			DEFAULT_DESCRIPTORS);
}

static bool
take_ring_size(uint32_t *size)
{
	if (!option_count32("--ring-size", optarg, BURST, MAX_RING_SIZE, size))
		return false;
	if ((*size & (*size - 1)) == 0)
		return true;
	complain("--ring-size %u: write a power of two", *size);
	return false;
}

static bool
take_dispatch(enum dispatch_by *by)
{
	int index;

	if (!option_choice("--dispatch", optarg, dispatch_names, &index))
		return false;
	*by = (enum dispatch_by)index;
	return true;
}

static bool
take(struct server_options *o, int option, char *const argv[])
{
	switch (option) {
	case 'p':
		return port_mask_read("-p", optarg, &o->port_mask);
	case 'n':
		return option_count16(
				"--num-clients", optarg, 1, DISPATCH_MAX_CLIENTS, &o->num_clients);
	case OPTION_DISPATCH:
		return take_dispatch(&o->dispatch);
	case OPTION_RING_SIZE:
		return take_ring_size(&o->ring_size);
	case OPTION_IDLE:
		return option_idle("--idle", optarg, &o->idle);
	case OPTION_RX_DESC:
		return option_count16("--rx-desc", optarg, 32, MAX_DESCRIPTORS, &o->wish.rx_desc);
	case OPTION_TX_DESC:
		return option_count16("--tx-desc", optarg, 32, MAX_DESCRIPTORS, &o->wish.tx_desc);
	case OPTION_MBUFS:
		return option_count32("--mbufs", optarg, 64, MAX_MBUFS, &o->mbufs);
	case OPTION_CYCLES:
		o->cycles = true;
		return true;
	case OPTION_STATS:
		o->stats = optarg;
		return true;
	default:
		option_refused(option, argv);
		return false;
	}
}

static bool
complete(const struct server_options *o)
{
	const char *missing = NULL;

	if (o->port_mask == 0)
		missing = "-p";
	else if (o->num_clients == 0)
		missing = "--num-clients";
	else if (o->stats == NULL)
		missing = "--stats";
	if (missing == NULL)
		return true;
	complain("%s is missing; --help lists the options", missing);
	return false;
}

bool
server_options_read(struct server_options *o, int argc, char **argv)
{
	int option;

	*o = (struct server_options){
			.ring_size = DEFAULT_RING_SIZE,
			.idle = IDLE_SPIN,
			.wish = {.rx_desc = DEFAULT_DESCRIPTORS, .tx_desc = DEFAULT_DESCRIPTORS},
	};
	opterr = 0;
	optind = 1;
	while ((option = getopt_long(argc, argv, ":p:n:h", table, NULL)) != -1) {
		if (option == 'h') {
			print_help();
			o->help = true;
			return true;
		}
		if (!take(o, option, argv))
			return false;
	}
	if (optind < argc) {
		complain("'%s' is no option; --help lists them", argv[optind]);
		return false;
	}
	o->wish.queues = 1;
	o->wish.tx_queues = o->num_clients;
	return complete(o);
}
