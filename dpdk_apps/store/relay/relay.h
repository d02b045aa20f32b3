/*
 * The client's relay: requests from /dev/fuse to who answers them (answerer.h), and their answers
 * back. One thread.
 *
 * Whoever uses the mount waits at most a deadline from the moment that the request was read, and
 * none is left unread for longer: see relay_deadline() in relay.c. When nothing is out, the relay
 * sleeps in the kernel.
 */
#ifndef STORE_RELAY_H
#define STORE_RELAY_H

#include <stdint.h>

#include "answerer.h"
#include "lifecycle.h"
#include "opcodes.h"
#include "stats.h"

struct relay_config {
	struct answerer *answerer; /* outlives the relay, which puts its own done() there */
	uint64_t ticks_per_s;
	uint64_t deadline;  /* ticks */
	uint32_t value_max; /* bytes of a request or an answer */
	uint32_t requests;  /* that are read and not ended, at most */
	enum idle_policy idle;
};

/* For one that answers each request from within send(). */
struct relay_config relay_config_at_once(
		struct answerer *answerer, uint32_t value_max, uint64_t ticks_per_s);

/* Requests, by how each of them ended, and what happened to them before. */
struct relay_counts {
	uint64_t read;
	uint64_t answered;
	uint64_t unanswered;	  /* FORGET and its like: passed on, the kernel waits for nothing */
	uint64_t deadline;	  /* ETIMEDOUT: passed on, and no answer came */
	uint64_t deadline_unsent; /* ETIMEDOUT: could not be passed on in time */
	uint64_t restarted;	  /* EIO: the server ended, and may or may not have done it */
	uint64_t refused;	  /* EIO: by a server that cannot serve this mount */
	uint64_t bad_answer;	  /* EIO: the answer is none to this request */
	uint64_t interrupted;	  /* EINTR: before it was passed on, or as it waited for a lock */
	uint64_t lock_waits;	  /* SETLKW that is to be asked again, which is another request */
	uint64_t interrupts;	  /* INTERRUPT: not passed on, as no server waits in a request */
	uint64_t closed;	  /* EIO: under way when the relay ended */

	uint64_t repeated;  /* times that one was passed on again to a server that was started anew
			     */
	uint64_t strangers; /* times that one came to a server that knew no INIT yet */
	uint64_t inits;	    /* times that INIT was said again */
	uint64_t late;	    /* answers that nobody waited for */
	uint64_t opcodes[OPCODES_MOST]; /* read, by opcode */
	uint64_t opcodes_unknown;
};

struct relay;

/* NULL after one clear line. */
struct relay *relay_create(const struct relay_config *config);
void relay_destroy(struct relay *r);

/*
 * All of a mount: mounts at the folder `where`, says that it is ready with `ready` once the
 * kernel's INIT is answered, serves until a signal asks to stop or the file system was unmounted by
 * somebody, and unmounts, which may have to wait for those that use it. 0, or -1 after one clear
 * line.
 */
int relay_mount(struct relay *r, const char *where, const char *ready);

/* Adds "ended", "requests", by how they ended, and "opcodes", by what they asked for. */
void relay_report(const struct relay *r, struct stats *s);

const struct relay_counts *relay_counts(const struct relay *r);

#endif
