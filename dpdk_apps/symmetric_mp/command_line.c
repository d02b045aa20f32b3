#include "command_line.h"

#include <getopt.h>
#include <stdio.h>

#include "group.h"
#include "options.h"

#define DEFAULT_DESCRIPTORS 1024
#define MAX_DESCRIPTORS 32768
#define MAX_MBUFS (1u << 24)

enum {
	OPTION_NUM_PROCS = 256,
	OPTION_PROC_ID,
	OPTION_IDLE,
	OPTION_RX_DESC,
	OPTION_TX_DESC,
	OPTION_MBUFS,
	OPTION_STATS,
};

static const struct option table[] = {
		{"num-procs", required_argument, NULL, OPTION_NUM_PROCS},
		{"proc-id", required_argument, NULL, OPTION_PROC_ID},
		{"idle", required_argument, NULL, OPTION_IDLE},
		{"rx-desc", required_argument, NULL, OPTION_RX_DESC},
		{"tx-desc", required_argument, NULL, OPTION_TX_DESC},
		{"mbufs", required_argument, NULL, OPTION_MBUFS},
		{"stats", required_argument, NULL, OPTION_STATS},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
};

static void
print_help(void)
{
	printf("symmetric_mp <EAL arguments> -- -p MASK --num-procs N --proc-id I --stats FILE\n"
	       "Sends every frame back, with its MAC addresses swapped, by the port that its port "
	       "is\n"
	       "paired with. N processes share the ports: process I polls queue I of each of "
	       "them.\n"
	       "  -p MASK             ports to use, hexadecimal; pairs in order, a last one with "
	       "itself\n"
	       "  --num-procs N       processes of the group (1..%d), the same for all\n"
	       "  --proc-id I         this process (0..N-1); the primary may be any of them\n"
	       "  --idle spin|yield   what to do when nothing came (spin)\n"
	       "  --rx-desc D         receive descriptors of a queue (%d); primary\n"
	       "  --tx-desc D         send descriptors of a queue (%d); primary\n"
	       "  --mbufs M           packet buffers (as many as the queues need); primary\n"
	       "  --stats FILE        where the statistics go\n",
			GROUP_MAX_PROCS, DEFAULT_DESCRIPTORS, DEFAULT_DESCRIPTORS);
}

static bool
take(struct options *o, int option, char *const argv[])
{
	uint64_t count = 0;

	switch (option) {
	case 'p':
		return port_mask_read("-p", optarg, &o->port_mask);
	case OPTION_NUM_PROCS:
		return option_count16("--num-procs", optarg, 1, GROUP_MAX_PROCS, &o->num_procs);
	case OPTION_PROC_ID:
		return option_count16("--proc-id", optarg, 0, GROUP_MAX_PROCS - 1, &o->proc_id);
	case OPTION_IDLE:
		return option_idle("--idle", optarg, &o->idle);
	case OPTION_RX_DESC:
		return option_count16("--rx-desc", optarg, 32, MAX_DESCRIPTORS, &o->wish.rx_desc);
	case OPTION_TX_DESC:
		return option_count16("--tx-desc", optarg, 32, MAX_DESCRIPTORS, &o->wish.tx_desc);
	case OPTION_MBUFS:
		if (!option_count("--mbufs", optarg, 64, MAX_MBUFS, &count))
			return false;
		o->mbufs = (uint32_t)count;
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
complete(const struct options *o)
{
	const char *missing = NULL;

	if (o->port_mask == 0)
		missing = "-p";
	else if (o->num_procs == 0)
		missing = "--num-procs";
	else if (o->proc_id == UINT16_MAX)
		missing = "--proc-id";
	else if (o->stats == NULL)
		missing = "--stats";
	if (missing != NULL) {
		complain("%s is missing; --help lists the options", missing);
		return false;
	}
	if (o->proc_id < o->num_procs)
		return true;
	complain("--proc-id %u with --num-procs %u: ids go from 0 to %u", o->proc_id, o->num_procs,
			o->num_procs - 1);
	return false;
}

bool
command_line_read(struct options *o, int argc, char **argv)
{
	int option;

	*o = (struct options){
			.proc_id = UINT16_MAX,
			.idle = IDLE_SPIN,
			.wish = {.rx_desc = DEFAULT_DESCRIPTORS, .tx_desc = DEFAULT_DESCRIPTORS},
	};
	opterr = 0;
	optind = 1;
	while ((option = getopt_long(argc, argv, ":p:h", table, NULL)) != -1) {
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
	o->wish.queues = o->num_procs;
	return complete(o);
}
