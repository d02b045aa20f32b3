/*
 * The reading of a command line, as every program here does it: each option and its
 * value in turn, --help, and a refusal of what is no option. Which options there are,
 * what becomes of each and which must be given is the program's.
 */
#ifndef COMMON_OPTION_READER_H
#define COMMON_OPTION_READER_H

#include <getopt.h>
#include <stdbool.h>

struct option_reader {
	/* Both for getopt_long(). In `table`, 'h' is --help; `letters` begins with ':'. NULL: no
	 * option has a letter. */
	const struct option *table;
	const char *letters;
	bool beside_eal; /* the EAL's options stand before ours, which are not all there are */
	/* Prints it; `help_of` in its place where it depends on what is read into. */
	void (*help)(void);
	void (*help_of)(const void *options);
	/* Takes one option of the table; `text` is its value, NULL where it has none, and lives as
	 * long as argv. False after a message. */
	bool (*take)(void *options, int option, const char *text);
	/* After the last one: whether what is needed was given and goes together. False after a
	 * message. NULL: nothing is needed. */
	bool (*complete)(void *options);
};

/* Reads into `options`, which is handed to take() and complete() and has the program's defaults.
 * -1: go on; else the code to exit with, after the help or a message. */
int options_read(const struct option_reader *r, void *options, int argc, char **argv);

#endif
