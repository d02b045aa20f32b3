/*
 * What tcp/ and dpdk/ each provide to transport.c, which is linked once with either: a transport
 * without faults. Nothing else includes it.
 */
#ifndef STORE_DRIVER_H
#define STORE_DRIVER_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include "transport.h"

struct driver_options; /* what it was told */
struct driver;	       /* one that is open */

/* Whether its command line begins with options of the EAL. */
extern const bool driver_beside_eal;

/* Its options that have a letter, as getopt() wants them: "" where none has. driver_take() is given
 * the letter. */
extern const char *const driver_letters;

/* Its options, numbered from TRANSPORT_OPTION_FIRST, with a zero at the end; and their help. */
const struct option *driver_option_table(enum transport_end end);
void driver_help(enum transport_end end);

/* With the defaults. NULL: no memory. */
struct driver_options *driver_options_create(enum transport_end end);
void driver_options_free(struct driver_options *o);

/* Takes its own part out of the command line, so that what is left begins with the program's name.
 * 0, or -1 with errno set. */
int driver_split(struct driver_options *o, int *argc, char ***argv);

/* As take() and complete() of option_reader.h. */
bool driver_take(struct driver_options *o, int option, const char *text);
bool driver_complete(struct driver_options *o);

/* The options outlive it. NULL after a message, with the code to exit with in `code`. */
struct driver *driver_open(const struct driver_options *o, int *code);
void driver_close(struct driver *d);

/* As transport_carrier() and the others of transport.h. */
struct carrier *driver_carrier(struct driver *d);
uint32_t driver_peer(const struct driver *d);
bool driver_connected(const struct driver *d);
void driver_report(const struct driver *d, struct stats *s);

#endif
