/* How a program without DPDK starts (`dpdk/program.h` is the like for one with it). */
#ifndef COMMON_STARTUP_H
#define COMMON_STARTUP_H

#include "option_reader.h"

/* Names the messages, installs the handlers of signals and reads the command line into `options`.
 * -1: go on; else the code to exit with, after the help or a message. */
int startup(const char *program, const struct option_reader *r, void *options, int argc,
		char **argv);

#endif
