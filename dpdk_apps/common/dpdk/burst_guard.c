#define _GNU_SOURCE
#include "burst_guard.h"

#include <stddef.h>
#include <unistd.h>

#include <rte_ethdev.h>

/* A signal handler reaches nothing but statics. */
static struct burst_guard *volatile guarding;

static void
on_fault(int number)
{
	struct burst_guard *g = guarding;

	if (g != NULL && g->inside && gettid() == g->thread) {
		g->inside = 0;
		g->faults++;
		__builtin_longjmp(g->escape, 1);
	}
	/* Returning runs into the same fault again, now with the usual end. */
	(void)signal(number, SIG_DFL);
}

void
burst_guard_begin(struct burst_guard *g)
{
	/* The handler is left by a jump that restores no mask, so it must not set one. */
	const struct sigaction action = {.sa_handler = on_fault, .sa_flags = SA_NODEFER};

	g->thread = gettid();
	g->inside = 0;
	g->faults = 0;
	guarding = g;
	/* Neither can fail: both signals exist, and both may be handled. */
	(void)sigaction(SIGSEGV, &action, &g->segv_before);
	(void)sigaction(SIGBUS, &action, &g->bus_before);
}

void
burst_guard_end(struct burst_guard *g)
{
	(void)sigaction(SIGSEGV, &g->segv_before, NULL);
	(void)sigaction(SIGBUS, &g->bus_before, NULL);
	guarding = NULL;
}

/* Functions of their own: the compiler keeps nothing of a caller in registers that a jump back into
 * them would find changed. */
int
burst_receive(struct burst_guard *g, uint16_t port, uint16_t queue, struct rte_mbuf **frames,
		uint16_t n)
{
	int came;

	if (__builtin_setjmp(g->escape) != 0)
		return BURST_FAULT;
	g->inside = 1;
	came = rte_eth_rx_burst(port, queue, frames, n);
	g->inside = 0;
	return came;
}

int
burst_send(struct burst_guard *g, uint16_t port, uint16_t queue, struct rte_mbuf **frames,
		uint16_t n)
{
	int sent;

	if (__builtin_setjmp(g->escape) != 0)
		return BURST_FAULT;
	g->inside = 1;
	sent = rte_eth_tx_burst(port, queue, frames, n);
	g->inside = 0;
	return sent;
}
