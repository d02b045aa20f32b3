#include "forward.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "eal.h"
#include "frame.h"

/* The look at the primary's lock takes microseconds: often enough for 1 s, too rarely to be seen in
 * a latency. */
#define PRIMARY_LOOKS_PER_S 5
/* Turns of the loop between looks at the clock: even at 30 us a turn this is under 10 ms. */
#define TURNS_PER_CLOCK_LOOK 256

const char *
drop_name(enum drop reason)
{
	static const char *const names[DROPS] = {
			[DROP_TX_FULL] = "tx_full",
			[DROP_RUNT] = "runt",
			[DROP_GROUP] = "group_address",
	};

	return names[reason];
}

void
forward_init(struct forwarder *f, const struct group *g, uint16_t queue, enum idle_policy idle,
		bool watch_primary)
{
	*f = (struct forwarder){
			.lane_count = g->port_count,
			.queue = queue,
			.idle = idle,
			.watch_primary = watch_primary,
	};
	for (uint16_t i = 0; i < g->port_count; i++) {
		f->lanes[i].port = g->ports[i].port;
		f->lanes[i].mac = g->ports[i].mac;
		f->lanes[i].pair = port_pair(i, g->port_count);
	}
}

/*
 * Turns a frame round. A group address cannot be a source: what came to one is
 * answered from the address of the port that it leaves by, which is how a peer
 * learns it. True, or false with the reason for dropping it.
 */
static inline bool
turn_round(struct rte_mbuf *m, const struct lane *to, enum drop *reason)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);

	if (unlikely(rte_pktmbuf_data_len(m) < sizeof(*eth))) {
		*reason = DROP_RUNT;
		return false;
	}
	if (unlikely(rte_is_multicast_ether_addr(&eth->dst_addr))) {
		if (eth->ether_type != rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4)) {
			*reason = DROP_GROUP;
			return false;
		}
		eth->dst_addr = to->mac;
	}
	frame_swap_macs((uint8_t *)eth);
	return true;
}

/* Swaps all frames that can be sent to the front; frees and counts the others. Returns how many are
 * to be sent. */
static inline uint16_t
prepare(struct lane *from, const struct lane *to, struct rte_mbuf **frames, uint16_t n,
		uint64_t *bytes)
{
	uint16_t keep = 0;

	for (uint16_t i = 0; i < n; i++) {
		enum drop reason;

		*bytes += rte_pktmbuf_pkt_len(frames[i]);
		if (likely(turn_round(frames[i], to, &reason))) {
			frames[keep++] = frames[i];
		} else {
			from->drops[reason]++;
			rte_pktmbuf_free(frames[i]);
		}
	}
	return keep;
}

/* One turn for one port. Returns how many frames came. */
static inline uint16_t
forward_lane(struct forwarder *f, struct lane *from)
{
	struct lane *to = &f->lanes[from->pair];
	struct rte_mbuf *frames[FORWARD_BURST];
	uint16_t n = rte_eth_rx_burst(from->port, f->queue, frames, FORWARD_BURST);
	uint64_t bytes = 0;
	uint64_t unsent = 0;
	uint16_t keep;
	uint16_t sent;

	if (n == 0)
		return 0;
	keep = prepare(from, to, frames, n, &bytes);
	from->rx_packets += n;
	from->rx_bytes += bytes;
	if (likely(keep == n)) {
		to->tx_bytes += bytes;
	} else {
		for (uint16_t i = 0; i < keep; i++)
			to->tx_bytes += rte_pktmbuf_pkt_len(frames[i]);
	}
	/* What the driver takes is its own; the tail that it leaves is still ours to free. */
	sent = rte_eth_tx_burst(to->port, f->queue, frames, keep);
	to->tx_packets += sent;
	if (unlikely(sent < keep)) {
		for (uint16_t i = sent; i < keep; i++)
			unsent += rte_pktmbuf_pkt_len(frames[i]);
		to->tx_bytes -= unsent;
		to->drops[DROP_TX_FULL] += keep - sent;
		rte_pktmbuf_free_bulk(&frames[sent], keep - sent);
	}
	return n;
}

/* Looks at the primary a few times a second; false once it is gone. */
static bool
primary_lives(uint64_t *next_look)
{
	uint64_t now = rte_get_timer_cycles();

	if (now < *next_look)
		return true;
	*next_look = now + rte_get_timer_hz() / PRIMARY_LOOKS_PER_S;
	return eal_primary_alive();
}

enum ending
forward_run(struct forwarder *f)
{
	uint64_t next_look = 0;
	uint32_t turn = 0;

	while (!lifecycle_stopping()) {
		uint16_t came = 0;

		for (uint16_t i = 0; i < f->lane_count; i++)
			came += forward_lane(f, &f->lanes[i]);
		if (came == 0)
			idle_wait(f->idle);
		if (f->watch_primary && ++turn % TURNS_PER_CLOCK_LOOK == 0 &&
				!primary_lives(&next_look))
			return ENDED_PRIMARY_DIED;
	}
	return ENDED_BY_SIGNAL;
}
