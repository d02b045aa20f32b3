#include "server.h"

#include <inttypes.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include "clock.h"
#include "hand_over.h"
#include "pool.h"
#include "tx_buffer.h"

/* Looks at who of the clients lives, per second: each costs some microseconds a client. */
#define LIFE_LOOKS_PER_S 5
#define TURNS_PER_CLOCK_LOOK 256

bool
server_make_rings(struct server *s, const struct server_view *board)
{
	for (uint16_t i = 0; i < board->arrangement->num_clients; i++) {
		char name[RING_NAME_BYTES];

		board_ring_name(name, i);
		/* One enqueues, one dequeues. Exactly as large as asked for: a plain ring holds one
		 * less. */
		s->outboxes[i].ring = rte_ring_create(name, board->arrangement->ring_size,
				(int)rte_socket_id(),
				RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ);
		if (s->outboxes[i].ring == NULL) {
			complain("no memory for the ring of client %u: %s", i,
					rte_strerror(rte_errno));
			return false;
		}
	}
	s->board = board;
	return true;
}

static inline void
deal_out(struct server *s, struct rte_mbuf **frames, uint16_t n, uint64_t *bytes)
{
	for (uint16_t i = 0; i < n; i++) {
		struct outbox *box = &s->outboxes[dispatch(&s->dispatcher,
				rte_pktmbuf_mtod(frames[i], const uint8_t *),
				rte_pktmbuf_data_len(frames[i]))];

		*bytes += rte_pktmbuf_pkt_len(frames[i]);
		box->frames[box->count++] = frames[i];
	}
	for (uint16_t i = 0; i < s->dispatcher.num_clients; i++) {
		struct outbox *box = &s->outboxes[i];

		if (box->count > 0 && unlikely(!hand_over(box->ring, (void *const *)box->frames,
						      box->count, &s->board->offers[i])))
			rte_pktmbuf_free_bulk(box->frames, box->count);
		box->count = 0;
	}
}

/* One look at every receive queue of a port. Returns how many frames came. */
static inline uint16_t
serve_port(struct server *s, uint16_t index)
{
	const struct port_state *port = &s->board->arrangement->ports[index];
	struct rx_counts *counts = &s->board->rx[index];
	struct rte_mbuf *frames[BURST];
	uint16_t all = 0;

	/* One, where the driver allows it: a burst from there is dealt out as a whole. */
	for (uint16_t queue = 0; queue < port->queues; queue++) {
		int came = burst_receive(&s->guard, port->port, queue, frames, BURST);
		uint16_t n = (uint16_t)came;
		uint64_t bytes = 0;

		if (came <= 0)
			continue;
		for (uint16_t i = 0; i < n; i++)
			frames[i]->port = index;
		deal_out(s, frames, n, &bytes);
		count_add(&counts->packets, n);
		count_add(&counts->bytes, bytes);
		all += n;
	}
	return all;
}

/* Says once of each client that it was killed. */
static void
look_for_dead(struct server *s)
{
	for (uint16_t i = 0; i < s->dispatcher.num_clients; i++) {
		struct outbox *box = &s->outboxes[i];
		bool dead = roster_died(s->board->clients, i);

		if (dead && !box->known_dead)
			complain("client %u was killed; its buffers are lost and its ring fills "
				 "up. The others go on; start it again with the same --client-id",
					i);
		box->known_dead = dead;
	}
}

void
server_run(struct server *s)
{
	uint64_t between_looks = rte_get_timer_hz() / LIFE_LOOKS_PER_S;
	uint64_t next_look = rte_get_timer_cycles() + between_looks;
	uint32_t turn = 0;

	burst_guard_begin(&s->guard);
	while (!lifecycle_stopping()) {
		uint64_t began = s->counts_cycles ? clock_ticks() : 0;
		uint16_t came = 0;

		for (uint16_t i = 0; i < s->board->arrangement->port_count; i++)
			came += serve_port(s, i);
		if (came == 0)
			idle_wait(s->idle);
		else if (s->counts_cycles)
			s->busy_ticks += clock_ticks() - began;
		if (unlikely(++turn % TURNS_PER_CLOCK_LOOK == 0) &&
				rte_get_timer_cycles() > next_look) {
			look_for_dead(s);
			next_look = rte_get_timer_cycles() + between_looks;
		}
	}
	burst_guard_end(&s->guard);
}

void
server_empty_rings(struct server *s)
{
	for (uint16_t i = 0; i < s->dispatcher.num_clients; i++) {
		struct outbox *box = &s->outboxes[i];
		unsigned int n;

		while ((n = rte_ring_sc_dequeue_burst(
					box->ring, (void **)box->frames, BURST, NULL)) > 0) {
			box->left_in_ring += n;
			rte_pktmbuf_free_bulk(box->frames, n);
		}
	}
}

struct killed_buffers
server_killed_buffers(struct server *s)
{
	struct killed_buffers lost = {0};

	for (uint16_t i = 0; i < s->dispatcher.num_clients; i++) {
		const struct client_counts *c = &s->board->counts[i];
		uint64_t taken = s->board->offers[i].enqueued - s->outboxes[i].left_in_ring;
		uint64_t done = client_done(c);
		bool dead = roster_died(s->board->clients, i);
		uint64_t kills = c->kills + dead;

		if (kills == 0)
			continue;
		lost.kills += kills;
		lost.expected += c->discarded + (taken > done ? taken - done : 0);
		if (dead)
			lost.expected += pool_discard_cache(
					s->pool, s->board->clients->lcores[i] - 1);
		lost.slack += kills * (BURST + TX_BUFFER_FRAMES);
	}
	return lost;
}
