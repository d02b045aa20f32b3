#include "pingpong_options.h"

#include <stdio.h>

#include "frame.h"
#include "option_reader.h"
#include "options.h"
#include "port_options.h"

#define DEFAULT_SIZE 64

static const char *const role_names[] = {"ping", "pong", NULL};

enum pingpong_option { ROLE = 1, SIZE };

static const struct option table[] = {
		{"help", no_argument, NULL, 'h'},
		{"role", required_argument, NULL, ROLE},
		{"size", required_argument, NULL, SIZE},
		MEASURING_LONG_OPTIONS,
		{NULL, 0, NULL, 0},
};

static void
print_help(void)
{
	(void)fputs("mbuf_pingpong <EAL arguments> -- -p MASK --role ping|pong --stats FILE "
		    "[options]\n"
		    "One frame to and fro between two ports, with nothing looked at: what the "
		    "store's "
		    "transport\n"
		    "over DPDK is compared with. pong starts first.\n"
		    "  -p MASK             the one port, hexadecimal\n"
		    "  --size BYTES        behind the headers of the frame (64)\n"
		    "  --stats FILE        statistics\n"
		    "of ping:\n"
		    "  --warmup SEC --window SEC\n"
		    "  --samples FILE      where the samples go\n"
		    "  --linger            print @done at the end and stay until SIGINT or "
		    "SIGTERM\n",
			stdout);
}

static bool
take(void *options, int option, const char *text)
{
	struct pingpong_options *o = options;

	switch (option) {
	case 'p':
		return port_mask_read("-p", text, &o->port_mask);
	case ROLE:
		return o->has_role = option_choice("--role", text, role_names, &o->role);
	case SIZE:
		return option_count32("--size", text, 1, FRAME_MAX_PAYLOAD, &o->size);
	default:
		return generator_option(&o->measure, option, text, 0);
	}
}

static bool
complete(void *options)
{
	const struct pingpong_options *o = options;

	return option_given(o->has_role, "--role") && option_given(o->port_mask != 0, "-p") &&
	       (o->role == PINGPONG_PONG ? option_given(o->measure.stats != NULL, "--stats")
					 : measuring_options_check(&o->measure));
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
pingpong_options_read(void *options, int argc, char **argv)
{
	struct pingpong_options *o = options;

	*o = (struct pingpong_options){.size = DEFAULT_SIZE};
	generator_options_begin(&o->measure, 0);
	return options_read(&reader, o, argc, argv);
}
