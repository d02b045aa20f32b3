/*
 * A secondary's work: take messages, read every byte of them, give them back with the time at which
 * they came. The primary does it too when it measures its own floor.
 */
#ifndef SIMPLE_MP_ECHO_H
#define SIMPLE_MP_ECHO_H

#include <stdbool.h>
#include <stdint.h>

#include "fault.h"
#include "lifecycle.h"
#include "primary_watch.h"
#include "space.h"

struct echo {
	const struct space *space;
	uint16_t place;
	uint32_t size;
	uint32_t tag;
	uint64_t received;
	uint64_t returned;
	uint64_t rx_bytes;
	uint64_t tx_bytes;
	uint64_t corrupt; /* read with a wrong byte; returned all the same, for the primary sees it
			     too */
	uint64_t texts;	  /* of a person's */
	enum fault fault; /* to commit in the next turn that gets a message */
};

void echo_begin(struct echo *e, const struct space *s, uint16_t place);

/* One turn. Returns how many messages came. */
uint32_t echo_turn(struct echo *e);

/* Why echo_run() returned. */
enum echo_ending {
	ECHO_BY_SIGNAL,
	ECHO_PRIMARY_ENDED, /* it said so */
	ECHO_PRIMARY_DIED,
};

/*
 * Works until a signal, or until the primary ends or is gone (noticed within 1 s). `fault` is
 * committed `after_s` seconds from now.
 */
enum echo_ending echo_run(struct echo *e, enum idle_policy idle, enum fault fault, double after_s);

#endif
