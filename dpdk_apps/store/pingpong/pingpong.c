#include "pingpong.h"

#include <string.h>

#include <rte_mbuf.h>

#include "clock.h"
#include "frame.h"
#include "lifecycle.h"

#define BURST 32
#define TIMEOUT_MS 1000
/* One that nobody took, since pong was not there yet, is sent again after so long. */
#define PROBE_MS 20
#define PROBES 250
/* A bridge takes it to all. */
static const struct rte_ether_addr anybody = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

/* Sends one frame, which is the driver's then, or freed. Whether it left. */
static inline bool
send_one(struct pingpong *p, struct rte_mbuf *m)
{
	uint32_t bytes = rte_pktmbuf_pkt_len(m);
	int sent = burst_send(&p->guard, p->port.port, 0, &m, 1);

	if (sent == 1) {
		p->counts.tx_packets++;
		p->counts.tx_bytes += bytes;
		return true;
	}
	if (sent == BURST_FAULT)
		p->lost_link++;
	else
		p->tx_full++;
	rte_pktmbuf_free(m);
	return false;
}

/* Takes what has come; how many, or BURST_FAULT. */
static inline int
receive(struct pingpong *p, struct rte_mbuf **frames)
{
	int came = burst_receive(&p->guard, p->port.port, 0, frames, BURST);

	for (int i = 0; i < came; i++)
		p->counts.rx_bytes += rte_pktmbuf_pkt_len(frames[i]);
	if (came > 0)
		p->counts.rx_packets += (uint32_t)came;
	return came;
}

void
pong(struct pingpong *p)
{
	struct rte_mbuf *frames[BURST];

	while (!lifecycle_stopping() && p->lost_link == 0) {
		int came = receive(p, frames);

		if (came == BURST_FAULT)
			p->lost_link++;
		for (int i = 0; i < came; i++) {
			frame_swap_macs(rte_pktmbuf_mtod(frames[i], uint8_t *));
			(void)send_one(p, frames[i]);
		}
	}
}

/* A frame to anybody, whose first bytes are right for a bridge and a kernel on the way. NULL: the
 * pool is empty. */
static inline struct rte_mbuf *
make_frame(const struct pingpong *p)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(p->pool);
	struct rte_ether_hdr eth = {.dst_addr = anybody,
			.src_addr = p->port.mac,
			.ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4)};

	if (m == NULL)
		return NULL;
	m->data_len = (uint16_t)(FRAME_HEADER_BYTES + p->options->size);
	m->pkt_len = m->data_len;
	memcpy(rte_pktmbuf_mtod(m, uint8_t *), &eth, sizeof(eth));
	return m;
}

/* One frame there and back, `timeout` ticks at most. The tick at which it came; 0: it did not. */
static inline uint64_t
round_trip(struct pingpong *p, uint64_t sent, uint64_t timeout)
{
	struct rte_mbuf *frames[BURST];
	struct rte_mbuf *m = make_frame(p);
	int came = 0;
	uint64_t now;

	if (m == NULL || !send_one(p, m))
		return 0;
	do {
		came = receive(p, frames);
		now = clock_ticks();
	} while (came == 0 && now - sent < timeout);
	if (came == BURST_FAULT)
		p->lost_link++;
	if (came <= 0)
		return 0;
	rte_pktmbuf_free_bulk(frames, (unsigned int)came);
	return now;
}

int
ping_until_answered(struct pingpong *p)
{
	uint64_t wait = (uint64_t)(clock_calibrate(PROBE_MS) * PROBE_MS / 1e3);

	for (int i = 0; i < PROBES && !lifecycle_stopping() && p->lost_link == 0; i++)
		if (round_trip(p, clock_ticks(), wait) != 0)
			return 0;
	complain("no frame came back: start pong at the other end of the link first");
	return -1;
}

void
ping(struct pingpong *p, double ticks_per_s)
{
	uint64_t timeout = (uint64_t)(ticks_per_s * TIMEOUT_MS / 1e3);
	uint64_t now = clock_ticks();
	uint64_t begin = now + (uint64_t)(p->options->measure.warmup_s * ticks_per_s);
	uint64_t end = begin + (uint64_t)(p->options->measure.window_s * ticks_per_s);

	while (now < end && !lifecycle_stopping() && p->lost_link == 0) {
		uint64_t number, came;

		if (now >= begin && p->opened == 0) {
			recorder_window_begin(p->recorder);
			p->opened = now;
		}
		number = recorder_send(p->recorder, now);
		if (number == RECORDER_FULL)
			break;
		came = round_trip(p, now, timeout);
		if (came != 0)
			(void)recorder_return(p->recorder, number, came);
		else
			(void)recorder_give_up(p->recorder, number);
		now = clock_ticks();
	}
	recorder_window_end(p->recorder);
	p->closed = now;
}
