/*
 * Bursts that outlive the other end of their port. When that end dies, net_memif unmaps the shared
 * rings in its interrupt thread, while the lcore may be in the middle of a burst on them: SIGSEGV.
 * Guarded, such a fault ends that one burst, and the program goes on (driver_guard.h ends a whole
 * loop). A fault anywhere but inside a driver ends the program, as ever.
 *
 * A burst touches nothing but the rings, its own queue and the pool of packet buffers, and only the
 * rings can be unmapped: what a fault leaves behind is whole, and connecting anew resets the queue.
 *
 * Costs about a nanosecond a burst: what the compiler would keep in registers is on the stack.
 */
#ifndef COMMON_DPDK_BURST_GUARD_H
#define COMMON_DPDK_BURST_GUARD_H

#include <signal.h>
#include <stdint.h>
#include <sys/types.h>

#include <rte_mbuf.h>

/* What a burst returns that the driver did not finish. */
#define BURST_FAULT (-1)

struct burst_guard {
	void *escape[5]; /* as __builtin_setjmp() wants it */
	pid_t thread;
	volatile sig_atomic_t inside; /* the driver has the thread */
	uint64_t faults;	      /* bursts that were cut off */
	struct sigaction segv_before;
	struct sigaction bus_before;
};

/* From now on, for bursts of the calling thread; one at a time in a process. */
void burst_guard_begin(struct burst_guard *g);
void burst_guard_end(struct burst_guard *g);

/* As rte_eth_rx_burst(). BURST_FAULT: of the buffers that it took from the pool, all but the last
 * are in `frames`; that one may be nobody's. Who does not know how many lets them go. */
int burst_receive(struct burst_guard *g, uint16_t port, uint16_t queue, struct rte_mbuf **frames,
		uint16_t n);

/* As rte_eth_tx_burst(). BURST_FAULT: it has freed some of the frames, from the first one on, and
 * the others are the caller's. */
int burst_send(struct burst_guard *g, uint16_t port, uint16_t queue, struct rte_mbuf **frames,
		uint16_t n);

#endif
