#include "command_line.h"

#include <stdio.h>

#include <rte_common.h>

#include "message.h"
#include "option_reader.h"
#include "options.h"

#define DEFAULT_TIMEOUT_MS 100
/* A closed loop must leave the mempool's cache and what a killed process held out of its account.
 */
#define MAX_DEPTH 1024
/* Within one process more messages go round than over shared memory, which --max-samples is meant
 * for. */
#define FLOOR_MESSAGES_PER_S 40e6

enum {
	OPTION_RING = 256,
	OPTION_SECONDARIES,
	OPTION_ONEWAY,
	OPTION_INTERACTIVE,
	OPTION_PROC_ID,
	OPTION_DIE_IN,
	OPTION_DIE_AFTER,
};

static const struct option table[] = {
		GENERATOR_LONG_OPTIONS,
		{"ring", required_argument, NULL, OPTION_RING},
		{"secondaries", required_argument, NULL, OPTION_SECONDARIES},
		{"oneway-samples", required_argument, NULL, OPTION_ONEWAY},
		{"interactive", no_argument, NULL, OPTION_INTERACTIVE},
		{"proc-id", required_argument, NULL, OPTION_PROC_ID},
		{"die-in", required_argument, NULL, OPTION_DIE_IN},
		{"die-after", required_argument, NULL, OPTION_DIE_AFTER},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
};

static void
print_help(void)
{
	printf("simple_mp <EAL arguments> -- --ring MODE --secondaries N --flows 1 --size S "
	       "(--depth K |\n"
	       "        --rate R) --warmup SEC --window SEC --samples FILE --oneway-samples FILE "
	       "--stats FILE\n"
	       "simple_mp <EAL arguments> -- --ring MODE --secondaries N --interactive\n"
	       "simple_mp <EAL arguments> -- --proc-id I [--idle spin|yield] [--stats FILE]\n"
	       "The primary sends messages to its secondaries over a ring and gets them back over "
	       "another.\n"
	       "It waits for N secondaries and measures, or asks a person at once what to "
	       "send.\n"
	       "primary:\n"
	       "  --ring MODE         of both rings: mp_mc, sp_sc (one secondary), rts, hts\n"
	       "  --secondaries N     how many there will be (1..%d)\n"
	       "  --oneway-samples F  where the times from the primary to a secondary go\n"
	       "  --interactive       a prompt that takes: send <text>, quit\n"
	       "%s"
	       "secondary:\n"
	       "  --proc-id I         its number (1..N)\n"
	       "  --die-in WHERE      for tests, kill itself: idle, holding (messages), enqueue, "
	       "dequeue\n"
	       "  --die-after SEC     when, after the primary's first message\n",
			SPACE_MAX_SECONDARIES, generator_help);
}

static bool
take(void *options, int option, const char *text)
{
	struct command_line *c = options;

	if (option >= GENERATOR_OPTION_FIRST && option <= GENERATOR_OPTION_LAST)
		return generator_option(&c->generator, option, text, SPACE_MAX_MESSAGE);
	switch (option) {
	case OPTION_RING:
		return option_choice("--ring", text, ring_mode_names, &c->ring);
	case OPTION_SECONDARIES:
		return option_count32(
				"--secondaries", text, 1, SPACE_MAX_SECONDARIES, &c->secondaries);
	case OPTION_ONEWAY:
		c->oneway = text;
		return true;
	case OPTION_INTERACTIVE:
		c->interactive = true;
		return true;
	case OPTION_PROC_ID:
		return option_count16("--proc-id", text, 1, SPACE_MAX_SECONDARIES, &c->proc_id);
	case OPTION_DIE_IN:
		return option_choice("--die-in", text, fault_names, &c->die_in);
	case OPTION_DIE_AFTER:
		return option_number("--die-after", text, 0, 1e6, &c->die_after_s);
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

	*c = (struct command_line){.ring = -1};
	generator_options_begin(&c->generator, DEFAULT_TIMEOUT_MS);
	c->generator.min_size = MESSAGE_SHORT_MIN_BYTES;
	return options_read(&reader, c, argc, argv);
}

bool
command_line_check(struct command_line *c, bool primary)
{
	if (!primary)
		return option_given(c->proc_id > 0, "--proc-id");
	if (!option_given(c->ring >= 0, "--ring") ||
			!option_given(c->secondaries > 0, "--secondaries"))
		return false;
	if (c->ring == RING_SP_SC && c->secondaries > 1) {
		complain("--ring sp_sc with --secondaries %u: rings of this mode have one producer "
			 "and one consumer; take another mode or one secondary",
				c->secondaries);
		return false;
	}
	if (c->interactive && c->generator.stats != NULL) {
		complain("--stats with --interactive: nothing is measured, so there are none");
		return false;
	}
	if (c->interactive)
		return true;
	if (!option_given(c->oneway != NULL, "--oneway-samples"))
		return false;
	if (c->generator.depth > MAX_DEPTH) {
		complain("--depth %u: at most %d, since the mempool has %d objects",
				c->generator.depth, MAX_DEPTH, SPACE_OBJECTS);
		return false;
	}
	if (!generator_options_check(&c->generator))
		return false;
	if (c->generator.floor)
		c->generator.max_samples = RTE_MAX(c->generator.max_samples,
				(uint64_t)(FLOOR_MESSAGES_PER_S *
						(c->generator.warmup_s + c->generator.window_s)));
	return true;
}
