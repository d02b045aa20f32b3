/*
 * Frames that wait to leave by one port in one burst: until there are enough of
 * them, or until the first has waited as long as it may. Nobody but the loop that
 * owns it looks at the clock, so a loop that sleeps lets its frames wait.
 */
#ifndef COMMON_DPDK_TX_BUFFER_H
#define COMMON_DPDK_TX_BUFFER_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#define TX_BUFFER_FRAMES 32

struct tx_buffer {
	uint64_t since; /* tick at which the first frame came */
	uint16_t count;
	struct rte_mbuf *frames[TX_BUFFER_FRAMES]; /* ours until tx_buffer_take() */
};

/* Takes `m` over. True if it is the last that there is room for: the caller sends before the next
 * one. */
static inline bool
tx_buffer_add(struct tx_buffer *b, struct rte_mbuf *m, uint64_t now)
{
	if (b->count == 0)
		b->since = now;
	b->frames[b->count++] = m;
	return b->count == TX_BUFFER_FRAMES;
}

/* Whether the first frame has waited `drain` ticks or longer. */
static inline bool
tx_buffer_due(const struct tx_buffer *b, uint64_t now, uint64_t drain)
{
	return b->count > 0 && now - b->since >= drain;
}

/* Empties it; the frames in `frames` are the caller's again. Returns how many. */
static inline uint16_t
tx_buffer_take(struct tx_buffer *b)
{
	uint16_t count = b->count;

	b->count = 0;
	return count;
}

#endif
