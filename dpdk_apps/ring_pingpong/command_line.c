#include "command_line.h"

#include <stdio.h>

#include <rte_ring.h>

#include "option_reader.h"
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

static void
print_help(void)
{
	(void)fputs("ring_pingpong <EAL arguments> -- --ring MODE --size S [--idle spin|yield]\n"
		    "        --warmup SEC --window SEC --max-samples N --samples FILE (primary)\n"
		    "The bare exchange that simple_mp is measured against: an object of a mempool "
		    "goes\n"
		    "over a ring to the other process and over another back. S bytes are written "
		    "at "
		    "one\n"
		    "end and read at both (0: only pointers go round); nothing is checked or "
		    "counted.\n",
			stdout);
}

static bool
take_ring(const char *text, unsigned int *ring_flags)
{
	static const char *const names[] = {"mp_mc", "sp_sc", "rts", "hts", NULL};
	static const unsigned int flags[] = {
			0,
			RING_F_SP_ENQ | RING_F_SC_DEQ,
			RING_F_MP_RTS_ENQ | RING_F_MC_RTS_DEQ,
			RING_F_MP_HTS_ENQ | RING_F_MC_HTS_DEQ,
	};
	int index = 0;

	if (!option_choice("--ring", text, names, &index))
		return false;
	*ring_flags = flags[index];
	return true;
}

static bool
take(void *options, int option, const char *text)
{
	struct command_line *c = options;
	switch (option) {
	case RING:
		return take_ring(text, &c->flags);
	case SIZE:
		return option_count("--size", text, 0, PINGPONG_MAX_SIZE, &c->size);
	case IDLE:
		return option_idle("--idle", text, &c->idle);
	case WARMUP:
		return option_number("--warmup", text, 0, 60, &c->warmup_s);
	case WINDOW:
		return option_number("--window", text, 0, 60, &c->window_s);
	case MAX_SAMPLES:
		return option_count("--max-samples", text, 1, 1u << 26, &c->max_samples);
	case SAMPLES:
		c->samples = text;
		return true;
	default:
		return false;
	}
}

static const struct option_reader reader = {
		.table = table,
		.letters = ":h",
		.beside_eal = true,
		.help = print_help,
		.take = take,
};

int
command_line_read(void *options, int argc, char **argv)
{
	struct command_line *c = options;

	*c = (struct command_line){.idle = IDLE_SPIN};
	return options_read(&reader, c, argc, argv);
}
