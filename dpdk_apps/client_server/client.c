#include "client.h"

#include <errno.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "clock.h"
#include "turn_round.h"

/* A long sleep is taken in pieces, so that the server's death is noticed in time. */
#define NAP_US 200000

/* What the driver takes is its own. A memif in a secondary takes nothing of the first burst: it
 * maps its peer's memory instead. */
static inline uint16_t
send_burst(struct client *c, uint16_t index, struct rte_mbuf **frames, uint16_t n)
{
	uint16_t port = c->board->arrangement->ports[index].port;
	uint16_t sent = rte_eth_tx_burst(port, c->id, frames, n);

	if (unlikely(!c->has_sent[index])) {
		if (sent == 0)
			sent = rte_eth_tx_burst(port, c->id, frames, n);
		c->has_sent[index] = sent > 0;
	}
	return sent;
}

static inline void
flush(struct client *c, uint16_t index)
{
	struct lane_counts *lane = &c->board->own->lanes[index];
	struct tx_buffer *b = &c->buffers[index];
	uint16_t n = tx_buffer_take(b);
	uint64_t bytes = 0;
	uint16_t sent;

	for (uint16_t i = 0; i < n; i++)
		bytes += rte_pktmbuf_pkt_len(b->frames[i]);
	sent = send_burst(c, index, b->frames, n);
	if (unlikely(sent < n)) { /* the tail is still ours to free */
		for (uint16_t i = sent; i < n; i++)
			bytes -= rte_pktmbuf_pkt_len(b->frames[i]);
		rte_pktmbuf_free_bulk(&b->frames[sent], n - sent);
		count_add(&lane->drops[CLIENT_TX_FULL], n - sent);
	}
	count_add(&lane->queue.tx_packets, sent);
	count_add(&lane->queue.tx_bytes, bytes);
}

static inline void
forward(struct client *c, struct rte_mbuf *m, uint64_t now)
{
	const struct arrangement *a = c->board->arrangement;
	uint16_t to = port_pair(m->port, a->port_count);
	struct lane_counts *lane = &c->board->own->lanes[m->port];
	enum turn_refusal refused = turn_round(m, &a->ports[to].mac);

	count_add(&lane->queue.rx_packets, 1);
	count_add(&lane->queue.rx_bytes, rte_pktmbuf_pkt_len(m));
	if (unlikely(refused != TURN_OK)) {
		count_add(&lane->drops[refused == TURN_RUNT ? CLIENT_RUNT : CLIENT_GROUP], 1);
		rte_pktmbuf_free(m);
	} else if (tx_buffer_add(&c->buffers[to], m, now)) {
		flush(c, to);
	}
}

/* Sends what has waited long enough. */
static inline void
drain(struct client *c, uint64_t now)
{
	for (uint16_t i = 0; i < c->board->arrangement->port_count; i++)
		if (tx_buffer_due(&c->buffers[i], now, c->drain))
			flush(c, i);
}

static bool
nap(struct client *c)
{
	uint64_t left_us = c->sleep_us;

	while (left_us > 0 && !lifecycle_stopping()) {
		uint64_t piece = RTE_MIN(left_us, (uint64_t)NAP_US);
		struct timespec t = {.tv_sec = 0, .tv_nsec = (long)piece * 1000};

		/* A signal that cuts it short asks to stop. */
		if (nanosleep(&t, NULL) != 0 && errno != EINTR)
			break;
		if (primary_lost_by_now(&c->watch))
			return false;
		left_us -= piece;
	}
	return true;
}

/* One turn, as in l2fwd: first what is due, then what is new. Returns how many frames came. */
static inline uint16_t
turn(struct client *c)
{
	struct rte_mbuf *frames[BURST];
	uint64_t now = clock_ticks();
	uint16_t n;

	if (c->drain > 0)
		drain(c, now);
	n = (uint16_t)rte_ring_sc_dequeue_burst(c->ring, (void **)frames, BURST, NULL);
	for (uint16_t i = 0; i < n; i++)
		forward(c, frames[i], now);
	if (n > 0 && c->drain == 0)
		drain(c, now);
	if (n > 0 && c->counts_cycles)
		c->busy_ticks += clock_ticks() - now;
	return n;
}

enum ending
client_run(struct client *c)
{
	while (!lifecycle_stopping()) {
		if (turn(c) == 0 && c->sleep_us == 0)
			idle_wait(c->idle);
		if (c->sleep_us > 0 && !nap(c))
			return ENDED_PRIMARY_DIED;
		if (primary_lost(&c->watch))
			return ENDED_PRIMARY_DIED;
	}
	return ENDED_BY_SIGNAL;
}

void
client_drop_unflushed(struct client *c, bool pool_is_safe)
{
	for (uint16_t i = 0; i < c->board->arrangement->port_count; i++) {
		uint16_t n = tx_buffer_take(&c->buffers[i]);

		if (pool_is_safe)
			rte_pktmbuf_free_bulk(c->buffers[i].frames, n);
		count_add(&c->board->own->lanes[i].drops[CLIENT_UNFLUSHED], n);
	}
}
