/*
 * A loop that outlives the other end of its port. When that end dies, net_memif unmaps
 * the shared rings in its interrupt thread, while the lcore may be in the middle of a
 * burst on them: SIGSEGV, and all that was measured is gone. Guarded, such a fault ends
 * the loop instead. A fault anywhere but inside a driver ends the program, as ever.
 */
#ifndef COMMON_DPDK_DRIVER_GUARD_H
#define COMMON_DPDK_DRIVER_GUARD_H

#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct driver_guard {
	sigjmp_buf escape;
	pid_t thread;
	volatile sig_atomic_t inside; /* the driver has the thread */
	bool tripped;		      /* a driver ended the loop: leave its port alone */
};

/*
 * Runs `loop(self)`. False, with `tripped` set, if a driver's fault cut it off: what it had
 * on its stack is gone, packet buffers of a burst are nobody's, and the driver's own state
 * is not to be touched any more (nor cleaned up). One at a time in a process.
 */
bool driver_guard_run(struct driver_guard *g, void (*loop)(void *self), void *self);

/* Around each call of a driver in the loop. */
static inline void
driver_enter(struct driver_guard *g)
{
	g->inside = 1;
}

static inline void
driver_leave(struct driver_guard *g)
{
	g->inside = 0;
}

#endif
