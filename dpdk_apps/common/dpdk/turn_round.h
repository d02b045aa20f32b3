/* What a forwarder does to a frame before it sends it back: the Ethernet addresses change places.
 */
#ifndef COMMON_DPDK_TURN_ROUND_H
#define COMMON_DPDK_TURN_ROUND_H

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>

#include "frame.h"

enum turn_refusal {
	TURN_OK,
	TURN_RUNT,  /* shorter than an Ethernet header */
	TURN_GROUP, /* to a group address, and no IPv4: not of a measurement */
};

/*
 * A group address cannot be a source: what came to one is answered from `own`, the address of the
 * port that it leaves by, which is how a peer learns it. The mbuf stays the caller's in any case.
 */
static inline enum turn_refusal
turn_round(struct rte_mbuf *m, const struct rte_ether_addr *own)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);

	if (unlikely(rte_pktmbuf_data_len(m) < sizeof(*eth)))
		return TURN_RUNT;
	if (unlikely(rte_is_multicast_ether_addr(&eth->dst_addr))) {
		if (eth->ether_type != rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4))
			return TURN_GROUP;
		eth->dst_addr = *own;
	}
	frame_swap_macs((uint8_t *)eth);
	return TURN_OK;
}

#endif
