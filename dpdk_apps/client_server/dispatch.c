#include "dispatch.h"

#include <netinet/in.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "wire.h"

#define IP_OFFSET sizeof(struct rte_ether_hdr)
#define FRAGMENT_BITS (RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK)

void
dispatcher_init(struct dispatcher *d, enum dispatch_by by, uint16_t num_clients)
{
	*d = (struct dispatcher){.by = by, .num_clients = num_clients};
	spread_init(&d->spread, num_clients);
}

uint32_t
dispatch_hash(const uint8_t *frame, size_t length)
{
	const uint8_t *ip = frame + IP_OFFSET;
	uint16_t src_port = 0;
	uint16_t dst_port = 0;
	size_t header;

	if (length < IP_OFFSET + sizeof(struct rte_ipv4_hdr) ||
			wire_get_be16(frame + offsetof(struct rte_ether_hdr, ether_type)) !=
					RTE_ETHER_TYPE_IPV4 ||
			ip[0] >> 4 != 4)
		return 0;
	header = (size_t)(ip[0] & RTE_IPV4_HDR_IHL_MASK) * RTE_IPV4_IHL_MULTIPLIER;
	if (ip[offsetof(struct rte_ipv4_hdr, next_proto_id)] == IPPROTO_UDP &&
			header >= sizeof(struct rte_ipv4_hdr) &&
			(wire_get_be16(ip + offsetof(struct rte_ipv4_hdr, fragment_offset)) &
					FRAGMENT_BITS) == 0 &&
			length >= IP_OFFSET + header + sizeof(struct rte_udp_hdr)) {
		src_port = wire_get_be16(ip + header + offsetof(struct rte_udp_hdr, src_port));
		dst_port = wire_get_be16(ip + header + offsetof(struct rte_udp_hdr, dst_port));
	}
	return spread_hash(wire_get_be32(ip + offsetof(struct rte_ipv4_hdr, src_addr)),
			wire_get_be32(ip + offsetof(struct rte_ipv4_hdr, dst_addr)), src_port,
			dst_port);
}
