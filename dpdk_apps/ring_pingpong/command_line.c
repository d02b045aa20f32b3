#include "command_line.h"

#include <getopt.h>
#include <stdio.h>

#include <rte_ring.h>

#include "options.h"

enum { RING = 256, SIZE, IDLE, WARMUP, WINDOW, MAX_SAMPLES, SAMPLES };

static const struct option table[] = {
		{"ring", required_argument, NULL, RING},
		{"size", required_argument, NULL, SIZE},
		{"idle", required_argument, NULL, IDLE},
		{"warmup", required_argument, NULL, WARMUP},
		{"window", required_argument, NULL, WINDOW},
		{"max-samples", required_argument, NULL, MAX_SAMPLES},
		{"samples", required_argument, NULL, SAMPLES},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
};

static const char help[] =
		"ring_pingpong <EAL arguments> -- --ring MODE --size S [--idle spin|yield]\n"
		"        --warmup SEC --window SEC --max-samples N --samples FILE (primary)\n"
		"The bare exchange that simple_mp is measured against: an object of a mempool "
		"goes\n"
		"over a ring to the other process and over another back. S bytes are written at "
		"one\n"
		"end and read at both (0: only pointers go round); nothing is checked or "
		"counted.\n";

static bool
take_ring(struct command_line *c)
{
	static const char *const names[] = {"mp_mc", "sp_sc", "rts", "hts", NULL};
	static const unsigned int flags[] = {
			0,
			RING_F_SP_ENQ | RING_F_SC_DEQ,
			RING_F_MP_RTS_ENQ | RING_F_MC_RTS_DEQ,
			RING_F_MP_HTS_ENQ | RING_F_MC_HTS_DEQ,
	};
	int index = 0;

	if (!option_choice("--ring", optarg, names, &index))
		return false;
	c->flags = flags[index];
	return true;
}

static bool
take(struct command_line *c, int option, char *const argv[])
{
	switch (option) {
	case RING:
		return take_ring(c);
	case SIZE:
		return option_count("--size", optarg, 0, PINGPONG_MAX_SIZE, &c->size);
	case IDLE:
		return option_idle("--idle", optarg, &c->idle);
	case WARMUP:
		return option_number("--warmup", optarg, 0, 60, &c->warmup_s);
	case WINDOW:
		return option_number("--window", optarg, 0, 60, &c->window_s);
	case MAX_SAMPLES:
		return option_count("--max-samples", optarg, 1, 1u << 26, &c->max_samples);
	case SAMPLES:
		c->samples = optarg;
		return true;
	default:
		option_refused(option, argv);
		return false;
	}
}

bool
command_line_read(struct command_line *c, int argc, char **argv)
{
	int option;

	*c = (struct command_line){.idle = IDLE_SPIN};
	opterr = 0;
	optind = 1;
	while ((option = getopt_long(argc, argv, ":h", table, NULL)) != -1) {
		if (option == 'h') {
			(void)fputs(help, stdout);
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
	return true;
}
