#include "command_line.h"

#include <stdio.h>

#include "frame.h"
#include "option_reader.h"
#include "spread.h"

#define DEFAULT_TIMEOUT_MS 100
/* Below those of the generator and the link. */
#define OPTION_CYCLES 512

static const struct option table[] = {
		GENERATOR_LONG_OPTIONS,
		LINK_LONG_OPTIONS,
		{"count-cycles", no_argument, NULL, OPTION_CYCLES},
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
	       "and records each round trip. Flow f has UDP source port %u + f.\n",
			SPREAD_FIRST_PORT);
	link_options_help();
	printf("%s"
	       "  --count-cycles        count the ticks of turns in which frames came or left\n",
			generator_help);
}

static bool
take(void *options, int option, const char *text)
{
	struct command_line *c = options;

	if (option >= GENERATOR_OPTION_FIRST && option <= GENERATOR_OPTION_LAST)
		return generator_option(&c->generator, option, text, FRAME_MAX_PAYLOAD);
	if (option == OPTION_CYCLES)
		return c->counts_cycles = true;
	return link_option(&c->link, option, text);
}

static bool
complete(void *options)
{
	struct command_line *c = options;

	return link_options_check(&c->link, c->generator.floor) &&
	       generator_options_check(&c->generator);
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
	struct command_line *c = options;

	*c = (struct command_line){0};
	link_options_begin(&c->link);
	generator_options_begin(&c->generator, DEFAULT_TIMEOUT_MS);
	return options_read(&reader, c, argc, argv);
}
