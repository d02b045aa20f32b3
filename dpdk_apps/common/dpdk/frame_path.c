#include "frame_path.h"

void
frame_path_init(struct frame_path *p, const struct frame_ends *ends, uint16_t src_port)
{
	struct frame_template t;
	rte_be16_t port = rte_cpu_to_be_16(src_port);
	uint32_t sum = 0;

	frame_template_init(&t, ends, 0);
	memcpy(p->header, t.header, FRAME_HEADER_BYTES);
	memcpy(p->header + FRAME_UDP_OFFSET + offsetof(struct rte_udp_hdr, src_port), &port,
			sizeof(port));
	frame_put(p->header + FRAME_AT_IP_LENGTH, 0);
	frame_put(p->header + FRAME_AT_IP_SUM, 0);
	frame_put(p->header + FRAME_AT_UDP_LENGTH, 0);
	for (size_t at = sizeof(struct rte_ether_hdr); at < FRAME_UDP_OFFSET; at += sizeof(port))
		sum += frame_get(p->header + at);
	p->ip_sum = sum;
	frame_path_fit(p, 0);
}
