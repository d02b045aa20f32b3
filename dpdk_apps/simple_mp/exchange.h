/*
 * The primary's measured loop: messages go down to the secondaries and come back, in a closed or an
 * open loop. One thread sends and receives.
 */
#ifndef SIMPLE_MP_EXCHANGE_H
#define SIMPLE_MP_EXCHANGE_H

#include <stdint.h>

#include "echo.h"
#include "generator_options.h"
#include "meter.h"
#include "recorder.h"
#include "space.h"
#include "wards.h"
#include "window.h"

struct exchange {
	const struct space *space;
	const struct generator_options *options;
	struct meter *meter;
	struct recorder *oneway; /* message n is the n-th of the meter's, too */
	struct window window;
	struct wards wards;
	struct echo *floor;  /* the other side, when the program measures itself; else NULL */
	uint64_t sent;	     /* warm-up included */
	uint64_t received;   /* from the ring, whatever came of them */
	uint64_t refused;    /* what the meter did not know */
	uint64_t pool_empty; /* times that no object was free */
	uint64_t by_place[ROSTER_PLACES];
};

/* Runs to the end of the drain, or until a stop was asked for or a ring is stuck (then the window
 * is cut short). */
void exchange_run(struct exchange *x, double ticks_per_s);

/*
 * When the secondaries are gone: takes back what is still on the rings. Returns how many objects
 * are out for good.
 */
uint32_t exchange_clear(struct exchange *x);

#endif
