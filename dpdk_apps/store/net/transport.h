/*
 * A transport of the store as its programs see it: frames over DPDK ports, or TCP. Each program
 * is linked twice, as NAME_dpdk and NAME_tcp, with one of two libraries that provide what stands
 * here. Options, start and end of the transport are its own business; what a program gets is a
 * carrier, with the fault shim around it where the command line asks for faults.
 */
#ifndef STORE_TRANSPORT_H
#define STORE_TRANSPORT_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include "carrier.h"
#include "stats.h"

/* Options of a program are numbered below these, those of the transport and of the faults from
 * here on. */
#define TRANSPORT_OPTION_FIRST 2000

struct transport;

enum transport_end { TRANSPORT_SERVER, TRANSPORT_CLIENT };

struct store_program {
	const char *name; /* without the transport's */
	enum transport_end end;
	/* Its own options, as in option_reader.h; the transport's and the faults' come on top. */
	const struct option *table;
	void (*help)(void);
	bool (*take)(void *options, int option, const char *text);
	bool (*complete)(void *options);
	void *options;
	/* Whether these options need no network at all, as --floor. NULL: they always do. */
	bool (*alone)(const void *options);
	/* The work, with the carrier open; NULL for `t` where it is alone. Returns an exit code. */
	int (*run)(void *self, struct transport *t);
	void *self;
};

/* All of main(). */
int store_program_main(const struct store_program *p, int argc, char **argv);

/* "dpdk" or "tcp": behind the name of a program, and in statistics. */
extern const char *const transport_name;

/* What to send and to poll by. */
struct carrier *transport_carrier(struct transport *t);

/* The server, as a client's carrier names it. */
uint32_t transport_peer(const struct transport *t);

/* What a client's user must know before it waits: whether the way to the server stands. A server's
 * always does. Cheap. */
bool transport_connected(const struct transport *t);

/*
 * Adds to the statistics what the transport counted: "queues" with "drops" by reason, and where
 * there are any "driver_stats", "pool", "tcp", "faults". Frames or connections that are foreign or
 * malformed are among the drops.
 */
void transport_report(const struct transport *t, struct stats *s);

#endif
