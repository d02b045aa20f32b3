#include "message_line.h"

#include <stdio.h>

#include "capture.h"
#include "frame.h"
#include "option_reader.h"
#include "options.h"

#define DEFAULT_TIMEOUT_MS 100
#define DEFAULT_SETTLE_MS 20
#define DEFAULT_MTU 1500
#define MAX_MTU 9216
#define MAX_BYTES (1u << 20)

enum {
	OPTION_PAYLOAD = 256,
	OPTION_MTU,
	OPTION_SLEEP,
	OPTION_LOOP,
	OPTION_SETTLE,
	OPTION_DUMP,
	OPTION_CAPTURE
};

static const struct option table[] = {
		GENERATOR_LONG_OPTIONS,
		LINK_LONG_OPTIONS,
		{"payload", required_argument, NULL, OPTION_PAYLOAD},
		{"mtu", required_argument, NULL, OPTION_MTU},
		{"sleep-us", required_argument, NULL, OPTION_SLEEP},
		{"loop", required_argument, NULL, OPTION_LOOP},
		{"settle-ms", required_argument, NULL, OPTION_SETTLE},
		{"dump", required_argument, NULL, OPTION_DUMP},
		{"capture", required_argument, NULL, OPTION_CAPTURE},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
};

static void
print_help(void)
{
	printf("message <EAL arguments> -- -p MASK --queues Q --flows F --payload P --size S "
	       "(--depth K | --rate R)\n"
	       "        --warmup SEC --window SEC --samples FILE --stats FILE [options]\n"
	       "Crafts messages, sends them to a forwarder, and proves what comes back: every "
	       "field and byte.\n"
	       "  --payload P         bytes, struct, or large: a struct in fragments\n"
	       "  --mtu M             bytes of an IP packet that the link carries (%d)\n"
	       "  --loop poll|naive   sleep when there is nothing to do, or after every turn "
	       "(poll)\n"
	       "  --sleep-us S        how long (0: poll)\n"
	       "  --settle-ms MS      at the end, wait until nothing has come for so long (%d)\n"
	       "  --dump N            keep the first N packets sent and received (0)\n"
	       "  --capture NAME      in NAME.dump.txt, NAME.tx.pcap and NAME.rx.pcap\n",
			DEFAULT_MTU, DEFAULT_SETTLE_MS);
	link_options_help();
	printf("%s", generator_help);
}

static bool
take(void *options, int option, const char *text)
{
	struct message_line *l = options;
	/* Bodies may be smaller than the generators' messages. */
	if (option == OPTION_SIZE)
		return option_count32("--size", text, 1, MAX_BYTES, &l->generator.size);
	if (option >= GENERATOR_OPTION_FIRST && option <= GENERATOR_OPTION_LAST)
		return generator_option(&l->generator, option, text, MAX_BYTES);
	if (option == 'p' || (option >= LINK_OPTION_FIRST && option <= LINK_OPTION_LAST))
		return link_option(&l->link, option, text);
	switch (option) {
	case OPTION_PAYLOAD:
		return option_payload("--payload", text, &l->payload);
	case OPTION_MTU:
		return option_count32("--mtu", text, 576, MAX_MTU, &l->mtu);
	case OPTION_SLEEP:
		return option_sleep("--sleep-us", text, &l->shape);
	case OPTION_LOOP:
		return option_loop("--loop", text, &l->shape);
	case OPTION_SETTLE:
		return option_count32("--settle-ms", text, 1, 60000, &l->settle_ms);
	case OPTION_DUMP:
		return option_dump("--dump", text, &l->dump);
	case OPTION_CAPTURE:
		l->capture = text;
		return true;
	default:
		return false;
	}
}

static bool
complete(void *options)
{
	struct message_line *l = options;

	l->shape.idle = l->generator.idle;
	l->link.wish.mtu = (uint16_t)l->mtu;
	return option_given(l->payload != 0, "--payload") &&
	       capture_options_check(l->dump, l->capture) &&
	       link_options_check(&l->link, l->generator.floor) &&
	       generator_options_check(&l->generator);
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
message_line_read(void *options, int argc, char **argv)
{
	struct message_line *l = options;

	*l = (struct message_line){.mtu = DEFAULT_MTU, .settle_ms = DEFAULT_SETTLE_MS};
	link_options_begin(&l->link);
	generator_options_begin(&l->generator, DEFAULT_TIMEOUT_MS);
	return options_read(&reader, l, argc, argv);
}
