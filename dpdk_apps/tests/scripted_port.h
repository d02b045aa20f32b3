/*
 * A port without a driver behind it, for programs over DPDK that are tested without a started EAL:
 * its bursts come from a script, and some are cut off by a fault, as when the other end of a memif
 * goes away. With the script's end the program is asked to stop.
 */
#ifndef TESTS_SCRIPTED_PORT_H
#define TESTS_SCRIPTED_PORT_H

#include <sys/mman.h>

#include <rte_ethdev.h>

#include "burst_guard.h"
#include "lifecycle.h"
#include "port_report.h"

#define SCRIPTED_PORT 3
#define SCRIPTED_BYTES 60
#define SCRIPTED_BURST 32

/* A turn of the program. */
struct scripted_turn {
	uint16_t come;	  /* frames that are received */
	bool receive_cut; /* the burst that receives is cut off, when it has taken them */
	bool send_cut;	  /* the burst that sends is, when it has done one frame */
};

/* What a forwarder is to live through. */
static const struct scripted_turn scripted_cuts[] = {
		{.come = 3},
		{.come = 2, .receive_cut = true},
		{.come = 4, .send_cut = true},
		{.come = 0, .receive_cut = true},
		{.come = 5},
};

enum {
	SCRIPTED_CUT_BURSTS = 3,
	SCRIPTED_CUT_FRAMES = 4, /* of the burst that was cut off when it was sent */
	SCRIPTED_LEFT = 3 + 5,
};

struct scripted_port {
	const struct scripted_turn *turns;
	unsigned int turn_count;
	unsigned int turn; /* the next one; the one before it is under way */
	uint16_t sent;
	volatile uint8_t *rings;
	struct rte_mbuf frames[SCRIPTED_BURST];
	uint8_t bytes[SCRIPTED_BURST][SCRIPTED_BYTES];
};

static inline uint16_t
scripted_receive(void *self, struct rte_mbuf **frames, uint16_t n)
{
	struct scripted_port *p = self;
	const struct scripted_turn *turn = &p->turns[p->turn];

	if (p->turn == p->turn_count) {
		lifecycle_stop();
		return 0;
	}
	p->turn++;
	assert_true(turn->come <= n);
	for (uint16_t i = 0; i < turn->come; i++) {
		p->frames[i] = (struct rte_mbuf){
				.buf_addr = p->bytes[i],
				.data_len = SCRIPTED_BYTES,
				.pkt_len = SCRIPTED_BYTES,
				.nb_segs = 1,
		};
		memset(p->bytes[i], 2, SCRIPTED_BYTES);
		frames[i] = &p->frames[i];
	}
	if (turn->receive_cut)
		p->rings[0]++;
	return turn->come;
}

static inline uint16_t
scripted_send(void *self, struct rte_mbuf **frames, uint16_t n)
{
	struct scripted_port *p = self;

	(void)frames;
	if (p->turns[p->turn - 1].send_cut)
		p->rings[0]++;
	p->sent += n;
	return n;
}

/* In the place of SCRIPTED_PORT, with `scripted_cuts` to come. */
static inline void
scripted_port_plug(struct scripted_port *p)
{
	static void *queues[1];
	void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(page, MAP_FAILED);
	assert_int_equal(munmap(page, 4096), 0);
	*p = (struct scripted_port){.turns = scripted_cuts,
			.turn_count = RTE_DIM(scripted_cuts),
			.rings = page};
	assert_int_equal(lifecycle_begin("test"), 0);
	queues[0] = p;
	rte_eth_fp_ops[SCRIPTED_PORT].rxq.data = queues;
	rte_eth_fp_ops[SCRIPTED_PORT].txq.data = queues;
	rte_eth_fp_ops[SCRIPTED_PORT].rx_pkt_burst = scripted_receive;
	rte_eth_fp_ops[SCRIPTED_PORT].tx_pkt_burst = scripted_send;
}

/* Whether a forwarder lived through them, and its books balance: `drops` are of `reasons`, those of
 * `cut_off` of frames that were cut off. */
static inline void
scripted_port_check(const struct scripted_port *p, const struct burst_guard *g,
		const struct queue_counts *counts, const uint64_t *drops, int reasons, int cut_off)
{
	assert_int_equal(p->turn, p->turn_count);
	assert_int_equal(g->faults, SCRIPTED_CUT_BURSTS);
	assert_int_equal(counts->rx_packets, SCRIPTED_LEFT + SCRIPTED_CUT_FRAMES);
	assert_int_equal(counts->tx_packets, SCRIPTED_LEFT);
	assert_int_equal(counts->tx_bytes, SCRIPTED_LEFT * SCRIPTED_BYTES);
	assert_int_equal(p->sent, SCRIPTED_LEFT);
	for (int reason = 0; reason < reasons; reason++)
		assert_int_equal(drops[reason], reason == cut_off ? SCRIPTED_CUT_FRAMES : 0);
}

#endif
