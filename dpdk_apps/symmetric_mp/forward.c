#include "forward.h"

#include <rte_mbuf.h>

#include "clock.h"
#include "turn_round.h"

const char *
drop_name(enum drop reason)
{
	static const char *const names[DROPS] = {
			[DROP_TX_FULL] = "tx_full",
			[DROP_RUNT] = "runt",
			[DROP_GROUP] = "group_address",
			[DROP_CUT_OFF] = "cut_off",
	};

	return names[reason];
}

void
forward_init(struct forwarder *f, const struct group *g, uint16_t queue, enum idle_policy idle,
		bool watches_primary)
{
	*f = (struct forwarder){
			.lane_count = g->port_count,
			.queue = queue,
			.idle = idle,
			.watches_primary = watches_primary,
	};
	for (uint16_t i = 0; i < g->port_count; i++) {
		f->lanes[i].port = g->ports[i].port;
		f->lanes[i].mac = g->ports[i].mac;
		f->lanes[i].pair = port_pair(i, g->port_count);
	}
}

/* Swaps all frames that can be sent to the front; frees and counts the others. Returns how many are
 * to be sent. */
static inline uint16_t
prepare(struct lane *from, const struct lane *to, struct rte_mbuf **frames, uint16_t n,
		uint64_t *bytes)
{
	uint16_t keep = 0;

	for (uint16_t i = 0; i < n; i++) {
		enum turn_refusal refused = turn_round(frames[i], &to->mac);

		*bytes += rte_pktmbuf_pkt_len(frames[i]);
		if (likely(refused == TURN_OK)) {
			frames[keep++] = frames[i];
		} else {
			from->drops[refused == TURN_RUNT ? DROP_RUNT : DROP_GROUP]++;
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
	int came = burst_receive(&f->guard, from->port, f->queue, frames, FORWARD_BURST);
	uint16_t n = (uint16_t)came;
	uint64_t bytes = 0;
	uint64_t unsent = 0;
	uint16_t keep;
	int sent;

	if (came <= 0)
		return 0;
	keep = prepare(from, to, frames, n, &bytes);
	from->counts.rx_packets += n;
	from->counts.rx_bytes += bytes;
	if (unlikely(keep < n)) {
		bytes = 0;
		for (uint16_t i = 0; i < keep; i++)
			bytes += rte_pktmbuf_pkt_len(frames[i]);
	}
	/* What the driver takes is its own; the tail that it leaves is still ours to free. */
	sent = burst_send(&f->guard, to->port, f->queue, frames, keep);
	if (unlikely(sent == BURST_FAULT)) {
		/* How many of them the driver has freed is not known: they are nobody's. */
		to->drops[DROP_CUT_OFF] += keep;
		return n;
	}
	to->counts.tx_packets += (uint16_t)sent;
	to->counts.tx_bytes += bytes;
	if (unlikely(sent < keep)) {
		for (uint16_t i = sent; i < keep; i++)
			unsent += rte_pktmbuf_pkt_len(frames[i]);
		to->counts.tx_bytes -= unsent;
		to->drops[DROP_TX_FULL] += (uint16_t)(keep - sent);
		rte_pktmbuf_free_bulk(&frames[sent], (unsigned int)(keep - sent));
	}
	return n;
}

static enum ending
work(struct forwarder *f)
{
	while (!lifecycle_stopping()) {
		uint64_t began = unlikely(f->counts_cycles) ? clock_ticks() : 0;
		uint16_t came = 0;

		for (uint16_t i = 0; i < f->lane_count; i++)
			came += forward_lane(f, &f->lanes[i]);
		if (came == 0)
			idle_wait(f->idle);
		else if (unlikely(f->counts_cycles))
			f->busy_ticks += clock_ticks() - began;
		if (f->watches_primary && unlikely(primary_lost(&f->watch)))
			return ENDED_PRIMARY_DIED;
	}
	return ENDED_BY_SIGNAL;
}

enum ending
forward_run(struct forwarder *f)
{
	enum ending ending;

	burst_guard_begin(&f->guard);
	ending = work(f);
	burst_guard_end(&f->guard);
	return ending;
}
