#include "command_line.h"

#include <stdio.h>

#include "group.h"
#include "option_reader.h"
#include "options.h"
#include "port_options.h"

#define MAX_MBUFS (1u << 24)

enum {
	OPTION_NUM_PROCS = 256,
	OPTION_PROC_ID,
	OPTION_IDLE,
	OPTION_RX_DESC,
	OPTION_TX_DESC,
	OPTION_MBUFS,
	OPTION_CYCLES,
	OPTION_STATS,
};

static const struct option table[] = {
		{"num-procs", required_argument, NULL, OPTION_NUM_PROCS},
		{"proc-id", required_argument, NULL, OPTION_PROC_ID},
		{"idle", required_argument, NULL, OPTION_IDLE},
		{"rx-desc", required_argument, NULL, OPTION_RX_DESC},
		{"tx-desc", required_argument, NULL, OPTION_TX_DESC},
		{"mbufs", required_argument, NULL, OPTION_MBUFS},
		{"count-cycles", no_argument, NULL, OPTION_CYCLES},
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
	       "  --count-cycles      count the ticks of turns in which frames came\n"
	       "  --stats FILE        where the statistics go\n",
			GROUP_MAX_PROCS, PORT_DESCRIPTORS, PORT_DESCRIPTORS);
}

static bool
take(void *options, int option, const char *text)
{
	struct options *o = options;

	switch (option) {
	case 'p':
		return port_mask_read("-p", text, &o->port_mask);
	case OPTION_NUM_PROCS:
		return option_count16("--num-procs", text, 1, GROUP_MAX_PROCS, &o->num_procs);
	case OPTION_PROC_ID:
		return option_count16("--proc-id", text, 0, GROUP_MAX_PROCS - 1, &o->proc_id);
	case OPTION_IDLE:
		return option_idle("--idle", text, &o->idle);
	case OPTION_RX_DESC:
		return option_descriptors("--rx-desc", text, &o->wish.rx_desc);
	case OPTION_TX_DESC:
		return option_descriptors("--tx-desc", text, &o->wish.tx_desc);
	case OPTION_MBUFS:
		return option_count32("--mbufs", text, 64, MAX_MBUFS, &o->mbufs);
	case OPTION_CYCLES:
		o->counts_cycles = true;
		return true;
	case OPTION_STATS:
		o->stats = text;
		return true;
	default:
		return false;
	}
}

static bool
complete(void *options)
{
	struct options *o = options;

	o->wish.queues = o->num_procs;
	if (!option_given(o->port_mask != 0, "-p") ||
			!option_given(o->num_procs > 0, "--num-procs") ||
			!option_given(o->proc_id != UINT16_MAX, "--proc-id") ||
			!option_given(o->stats != NULL, "--stats"))
		return false;
	if (o->proc_id < o->num_procs)
		return true;
	complain("--proc-id %u with --num-procs %u: ids go from 0 to %u", o->proc_id, o->num_procs,
			o->num_procs - 1);
	return false;
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
command_line_read(void *options, int argc, char **argv)
{
	struct options *o = options;

	*o = (struct options){
			.proc_id = UINT16_MAX,
			.idle = IDLE_SPIN,
			.wish = {.rx_desc = PORT_DESCRIPTORS, .tx_desc = PORT_DESCRIPTORS},
	};
	return options_read(&reader, o, argc, argv);
}
