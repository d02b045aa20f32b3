/*
 * Faults that a secondary commits on demand, for tests: it kills itself where a kill
 * from outside would hardly ever hit it, and leaves the shared memory as such a kill
 * would.
 */
#ifndef SIMPLE_MP_FAULT_H
#define SIMPLE_MP_FAULT_H

#include "space.h"

enum fault {
	FAULT_NONE,
	FAULT_IDLE,    /* dies with nothing in its hands */
	FAULT_HOLDING, /* dies with the messages that it took */
	FAULT_ENQUEUE, /* dies between the moves of head and tail: where it gives */
	FAULT_DEQUEUE, /* the same where it takes */
	FAULTS,
};

extern const char *const fault_names[FAULTS + 1];

/* SIGKILL, at once. */
_Noreturn void fault_die(void);

/* Begins to put a message on the ring to the primary, and dies when the head has moved. */
_Noreturn void fault_die_giving(const struct space *s);

/* Begins to take from the ring to the secondaries. Dies when the head has moved; returns where
 * there was nothing to take. */
void fault_die_taking(const struct space *s);

#endif
