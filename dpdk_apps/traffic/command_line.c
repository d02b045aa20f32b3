#include "command_line.h"

#include <stdio.h>

#include "frame.h"
#include "options.h"
#include "spread.h"

#define DEFAULT_TIMEOUT_MS 100

static const struct option table[] = {
		GENERATOR_LONG_OPTIONS,
		LINK_LONG_OPTIONS,
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
	printf("%s", generator_help);
}

static bool
take(struct command_line *c, int option, char *const argv[])
{
	if (option >= GENERATOR_OPTION_FIRST && option <= GENERATOR_OPTION_LAST)
		return generator_option(&c->generator, option, optarg, FRAME_MAX_PAYLOAD);
	if (option == 'p' || (option >= LINK_OPTION_FIRST && option <= LINK_OPTION_LAST))
		return link_option(&c->link, option, optarg);
	option_refused(option, argv);
	return false;
}

bool
command_line_read(struct command_line *c, int argc, char **argv)
{
	int option;

	*c = (struct command_line){0};
	link_options_begin(&c->link);
	generator_options_begin(&c->generator, DEFAULT_TIMEOUT_MS);
	opterr = 0;
	optind = 1;
	while ((option = getopt_long(argc, argv, ":p:h", table, NULL)) != -1) {
		if (option == 'h') {
			print_help();
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
	return link_options_check(&c->link, c->generator.floor) &&
	       generator_options_check(&c->generator);
}
