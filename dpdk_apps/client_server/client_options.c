#include "client_options.h"

#include <stdio.h>

#include "dispatch.h"
#include "option_reader.h"
#include "options.h"

#define MAX_US 60000000

enum {
	OPTION_NUM_CLIENTS = 256,
	OPTION_DRAIN_US,
	OPTION_SLEEP_US,
	OPTION_IDLE,
	OPTION_CYCLES,
	OPTION_STATS,
};

static const struct option table[] = {
		{"client-id", required_argument, NULL, 'n'},
		{"num-clients", required_argument, NULL, OPTION_NUM_CLIENTS},
		{"drain-us", required_argument, NULL, OPTION_DRAIN_US},
		{"sleep-us", required_argument, NULL, OPTION_SLEEP_US},
		{"idle", required_argument, NULL, OPTION_IDLE},
		{"count-cycles", no_argument, NULL, OPTION_CYCLES},
		{"stats", required_argument, NULL, OPTION_STATS},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
};

static void
print_help(void)
{
	printf("mp_client <EAL arguments> -- -n K --stats FILE [options]\n"
	       "Takes frames from its ring, which mp_server fills, swaps their MAC addresses and "
	       "sends\n"
	       "them by the port that theirs is paired with, through send queue K.\n"
	       "  -n, --client-id K     this client, from 0\n"
	       "  --num-clients N       how many there are: checked against the server's\n"
	       "  --drain-us D          how long a frame may wait for others to leave with; looked "
	       "at\n"
	       "                        once a turn. 0: a turn sends what it took (0)\n"
	       "  --sleep-us S          sleep so long in each turn: to see what it does (0)\n"
	       "  --idle spin|yield     what to do when nothing came (spin)\n"
	       "  --count-cycles        count the ticks of turns in which frames came\n"
	       "  --stats FILE          where the statistics go\n");
}

static bool
take(void *options, int option, const char *text)
{
	struct client_options *o = options;
	switch (option) {
	case 'n':
		return option_count16(
				"--client-id", text, 0, DISPATCH_MAX_CLIENTS - 1, &o->client_id);
	case OPTION_NUM_CLIENTS:
		return option_count16(
				"--num-clients", text, 1, DISPATCH_MAX_CLIENTS, &o->num_clients);
	case OPTION_DRAIN_US:
		return option_count32("--drain-us", text, 0, MAX_US, &o->drain_us);
	case OPTION_SLEEP_US:
		return option_count32("--sleep-us", text, 0, MAX_US, &o->sleep_us);
	case OPTION_IDLE:
		return option_idle("--idle", text, &o->idle);
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
	const struct client_options *o = options;

	return option_given(o->client_id != UINT16_MAX, "--client-id") &&
	       option_given(o->stats != NULL, "--stats");
}

static const struct option_reader reader = {
		.table = table,
		.letters = ":n:h",
		.beside_eal = true,
		.help = print_help,
		.take = take,
		.complete = complete,
};

int
client_options_read(void *options, int argc, char **argv)
{
	struct client_options *o = options;

	*o = (struct client_options){.client_id = UINT16_MAX, .idle = IDLE_SPIN};
	return options_read(&reader, o, argc, argv);
}
