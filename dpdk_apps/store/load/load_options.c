#include "load_options.h"

#include <linux/limits.h>
#include <stdio.h>
#include <string.h>

#include "options.h"

#define SIZE_MIN 64
#define SIZE_MAX_BYTES (1u << 20)
#define TIMEOUT_MS 5000
#define FILE_MB 16
#define FILE_MB_MAX 4096
/* What is known of each block takes 8 bytes: 128 MiB. */
#define BLOCKS_MAX (1u << 24)
#define WRITE_PERCENT 50

enum load_option { WHAT = 1, OP, WRITE_PERCENT_OF, FILE_SIZE, NAME };

const char *const load_what_names[] = {"echo", "store", NULL};
const char *const load_op_names[] = {"read", "write", "mixed", "echo", NULL};

const struct option load_option_table[] = {
		{"help", no_argument, NULL, 'h'},
		{"what", required_argument, NULL, WHAT},
		{"op", required_argument, NULL, OP},
		{"write-percent", required_argument, NULL, WRITE_PERCENT_OF},
		{"file-mb", required_argument, NULL, FILE_SIZE},
		{"name", required_argument, NULL, NAME},
		GENERATOR_LONG_OPTIONS,
		{NULL, 0, NULL, 0},
};

void
load_options_help(void)
{
	(void)fputs("store_load: measures a store's server without a mount, and checks every "
		    "answer\n"
		    "  --what echo|store   requests of a server of echoes, of FUSE's shapes; or "
		    "FUSE "
		    "itself\n"
		    "  --op read|write|mixed|echo\n"
		    "                      at random places; echo: as many bytes back (what=echo "
		    "only)\n"
		    "  --write-percent N   of mixed, how many write (50)\n"
		    "  --file-mb N         how large the file is; written whole before (16)\n"
		    "  --name NAME         of the file, which is overwritten and removed "
		    "(store_load)\n"
		    "Of the following, --size is what a request reads or writes, --depth at most "
		    "32, "
		    "and\n"
		    "--flows 1 or left out\n",
			stdout);
	(void)fputs(generator_help, stdout);
}

struct load_options
load_options_default(void)
{
	struct load_options o = {
			.file_mb = FILE_MB, .write_percent = WRITE_PERCENT, .name = "store_load"};

	generator_options_begin(&o.generator, TIMEOUT_MS);
	o.generator.min_size = SIZE_MIN;
	o.generator.flows = 1;
	return o;
}

/* A name that is one entry of a folder. */
static bool
take_name(const char *text, const char **name)
{
	*name = text;
	if (text[0] != '\0' && strlen(text) <= NAME_MAX && strchr(text, '/') == NULL &&
			strcmp(text, ".") != 0 && strcmp(text, "..") != 0)
		return true;
	complain("--name '%s': write the name of a file in the root of the store", text);
	return false;
}

bool
load_options_take(void *options, int option, const char *text)
{
	struct load_options *o = options;
	int choice = 0;

	switch (option) {
	case WHAT:
		o->has_what = option_choice("--what", text, load_what_names, &choice);
		o->what = (enum load_what)choice;
		return o->has_what;
	case OP:
		o->has_op = option_choice("--op", text, load_op_names, &choice);
		o->op = (enum load_op)choice;
		return o->has_op;
	case WRITE_PERCENT_OF:
		return option_count32("--write-percent", text, 0, 100, &o->write_percent);
	case FILE_SIZE:
		return option_count32("--file-mb", text, 1, FILE_MB_MAX, &o->file_mb);
	case NAME:
		return take_name(text, &o->name);
	case OPTION_FLOWS:
		return option_count32("--flows", text, 1, 1, &o->generator.flows);
	case OPTION_DEPTH:
		return option_count32("--depth", text, 1, LOAD_DEPTH_MAX, &o->generator.depth);
	default:
		return generator_option(&o->generator, option, text, SIZE_MAX_BYTES);
	}
}

static bool
goes_together(const struct load_options *o)
{
	if (o->what == LOAD_STORE && o->op == LOAD_SAME) {
		complain("--op echo: a store has no echoes: write read, write or mixed");
		return false;
	}
	if (o->what == LOAD_STORE &&
			((uint64_t)o->file_mb << 20) / o->generator.size > BLOCKS_MAX) {
		complain("--file-mb %u holds more than %u blocks of %u bytes: make it smaller",
				o->file_mb, BLOCKS_MAX, o->generator.size);
		return false;
	}
	return true;
}

bool
load_options_complete(void *options)
{
	struct load_options *o = options;

	if (!option_given(o->has_what, "--what") || !option_given(o->has_op, "--op") ||
			!generator_options_check(&o->generator) || !goes_together(o))
		return false;
	if (o->op != LOAD_MIXED)
		o->write_percent = o->op == LOAD_WRITE ? 100 : 0;
	return true;
}

bool
load_options_alone(const void *options)
{
	return ((const struct load_options *)options)->generator.floor;
}
