#include "server_options.h"

#include <stdio.h>

#include "board.h"
#include "option_reader.h"
#include "options.h"
#include "port_options.h"

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
			DISPATCH_MAX_CLIENTS, DEFAULT_RING_SIZE, PORT_DESCRIPTORS,
			PORT_DESCRIPTORS);
}

static bool
take_ring_size(const char *text, uint32_t *size)
{
	if (!option_count32("--ring-size", text, BURST, MAX_RING_SIZE, size))
		return false;
	if ((*size & (*size - 1)) == 0)
		return true;
	complain("--ring-size %u: write a power of two", *size);
	return false;
}

static bool
take_dispatch(const char *text, enum dispatch_by *by)
{
	int index;

	if (!option_choice("--dispatch", text, dispatch_names, &index))
		return false;
	*by = (enum dispatch_by)index;
	return true;
}

static bool
take(void *options, int option, const char *text)
{
	struct server_options *o = options;
	switch (option) {
	case 'p':
		return port_mask_read("-p", text, &o->port_mask);
	case 'n':
		return option_count16(
				"--num-clients", text, 1, DISPATCH_MAX_CLIENTS, &o->num_clients);
	case OPTION_DISPATCH:
		return take_dispatch(text, &o->dispatch);
	case OPTION_RING_SIZE:
		return take_ring_size(text, &o->ring_size);
	case OPTION_IDLE:
		return option_idle("--idle", text, &o->idle);
	case OPTION_RX_DESC:
		return option_descriptors("--rx-desc", text, &o->wish.rx_desc);
	case OPTION_TX_DESC:
		return option_descriptors("--tx-desc", text, &o->wish.tx_desc);
	case OPTION_MBUFS:
		return option_count32("--mbufs", text, 64, MAX_MBUFS, &o->mbufs);
	case OPTION_CYCLES:
		o->cycles = true;
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
	struct server_options *o = options;

	o->wish.tx_queues = o->num_clients;
	return option_given(o->port_mask != 0, "-p") &&
	       option_given(o->num_clients > 0, "--num-clients") &&
	       option_given(o->stats != NULL, "--stats");
}

static const struct option_reader reader = {
		.table = table,
		.letters = ":p:n:h",
		.beside_eal = true,
		.help = print_help,
		.take = take,
		.complete = complete,
};

int
server_options_read(void *options, int argc, char **argv)
{
	struct server_options *o = options;

	*o = (struct server_options){
			.ring_size = DEFAULT_RING_SIZE,
			.idle = IDLE_SPIN,
			.wish = {.queues = 1,
					.rx_desc = PORT_DESCRIPTORS,
					.tx_desc = PORT_DESCRIPTORS},
	};
	return options_read(&reader, o, argc, argv);
}
