#define _GNU_SOURCE
#include "driver_guard.h"

#include <stddef.h>
#include <unistd.h>

/* A signal handler reaches nothing but statics. */
static struct driver_guard *volatile guarding;

static void
on_fault(int number)
{
	struct driver_guard *g = guarding;

	if (g != NULL && g->inside && gettid() == g->thread) {
		g->inside = 0;
		siglongjmp(g->escape, 1);
	}
	/* Returning runs into the same fault again, now with the usual end. */
	(void)signal(number, SIG_DFL);
}

bool
driver_guard_run(struct driver_guard *g, void (*loop)(void *self), void *self)
{
	struct sigaction action = {.sa_handler = on_fault};
	struct sigaction segv_before, bus_before;

	g->thread = gettid();
	g->inside = 0;
	g->tripped = false;
	guarding = g;
	/* Either cannot fail: both signals exist, and both may be handled. */
	(void)sigaction(SIGSEGV, &action, &segv_before);
	(void)sigaction(SIGBUS, &action, &bus_before);
	if (sigsetjmp(g->escape, 1) == 0)
		loop(self);
	else
		g->tripped = true;
	(void)sigaction(SIGSEGV, &segv_before, NULL);
	(void)sigaction(SIGBUS, &bus_before, NULL);
	guarding = NULL;
	return !g->tripped;
}
