#include "frame.h"

#include <string.h>

#define HOPS 64
#define IP_VERSION_4_NO_OPTIONS 0x45

/* One's complement sum of the pseudo header's and the UDP header's fields that do not change. */
static uint32_t
constant_udp_sum(const struct rte_ipv4_hdr *ip, const struct rte_udp_hdr *udp)
{
	uint32_t sum = 0;

	sum = __rte_raw_cksum(&ip->src_addr, sizeof(ip->src_addr) + sizeof(ip->dst_addr), sum);
	sum += rte_cpu_to_be_16(IPPROTO_UDP);
	sum += udp->dgram_len; /* of the pseudo header */
	sum += udp->dgram_len; /* of the UDP header */
	sum += udp->dst_port;
	return sum;
}

/* A computed checksum of 0 is sent as all ones: 0 would say that there is none (RFC 768). */
static rte_be16_t
udp_checksum(uint32_t sum)
{
	uint16_t folded = (uint16_t)~__rte_raw_cksum_reduce(sum);

	return folded == 0 ? 0xffff : folded;
}

void
frame_template_init(struct frame_template *t, const struct frame_ends *ends, uint16_t payload_bytes)
{
	uint16_t udp_bytes = sizeof(struct rte_udp_hdr) + payload_bytes;
	struct rte_ether_hdr eth = {
			.dst_addr = ends->dst_mac,
			.src_addr = ends->src_mac,
			.ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4),
	};
	struct rte_ipv4_hdr ip = {
			.version_ihl = IP_VERSION_4_NO_OPTIONS,
			.total_length = rte_cpu_to_be_16(sizeof(struct rte_ipv4_hdr) + udp_bytes),
			.fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG),
			.time_to_live = HOPS,
			.next_proto_id = IPPROTO_UDP,
			.src_addr = rte_cpu_to_be_32(ends->src_ip),
			.dst_addr = rte_cpu_to_be_32(ends->dst_ip),
	};
	struct rte_udp_hdr udp = {
			.dst_port = rte_cpu_to_be_16(ends->dst_port),
			.dgram_len = rte_cpu_to_be_16(udp_bytes),
	};

	ip.hdr_checksum = rte_ipv4_cksum(&ip);
	memcpy(t->header, &eth, sizeof(eth));
	memcpy(t->header + sizeof(eth), &ip, sizeof(ip));
	memcpy(t->header + FRAME_UDP_OFFSET, &udp, sizeof(udp));
	t->udp_sum = constant_udp_sum(&ip, &udp);
	t->payload_bytes = payload_bytes;
}

void
frame_finish(uint8_t *frame, const struct frame_template *t, uint16_t src_port)
{
	rte_be16_t port = rte_cpu_to_be_16(src_port);
	rte_be16_t sum = udp_checksum(__rte_raw_cksum(
			frame + FRAME_HEADER_BYTES, t->payload_bytes, t->udp_sum + port));

	memcpy(frame, t->header, FRAME_HEADER_BYTES);
	memcpy(frame + FRAME_UDP_OFFSET + offsetof(struct rte_udp_hdr, src_port), &port,
			sizeof(port));
	memcpy(frame + FRAME_UDP_OFFSET + offsetof(struct rte_udp_hdr, dgram_cksum), &sum,
			sizeof(sum));
}

static enum frame_error
read_ip(struct rte_ipv4_hdr *ip, const uint8_t *bytes, size_t length)
{
	rte_be16_t ether_type;

	if (length < FRAME_HEADER_BYTES)
		return FRAME_SHORT;
	memcpy(&ether_type, bytes + offsetof(struct rte_ether_hdr, ether_type), sizeof(ether_type));
	memcpy(ip, bytes + sizeof(struct rte_ether_hdr), sizeof(*ip));
	if (ether_type != rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4) ||
			ip->version_ihl != IP_VERSION_4_NO_OPTIONS)
		return FRAME_NOT_IPV4;
	if ((ip->fragment_offset & rte_cpu_to_be_16((uint16_t)~RTE_IPV4_HDR_DF_FLAG)) != 0)
		return FRAME_NOT_IPV4;
	if (rte_raw_cksum(ip, sizeof(*ip)) != 0xffff)
		return FRAME_BAD_IP_SUM;
	if (ip->next_proto_id != IPPROTO_UDP)
		return FRAME_NOT_UDP;
	if (rte_be_to_cpu_16(ip->total_length) > length - sizeof(struct rte_ether_hdr))
		return FRAME_SHORT;
	return FRAME_OK;
}

enum frame_error
frame_read(struct frame *f, const uint8_t *bytes, size_t length)
{
	struct rte_ipv4_hdr ip;
	struct rte_udp_hdr udp;
	enum frame_error error = read_ip(&ip, bytes, length);
	uint16_t udp_bytes;

	if (error != FRAME_OK)
		return error;
	memcpy(&udp, bytes + FRAME_UDP_OFFSET, sizeof(udp));
	udp_bytes = rte_be_to_cpu_16(udp.dgram_len);
	if (udp_bytes < sizeof(udp) || udp_bytes + sizeof(ip) != rte_be_to_cpu_16(ip.total_length))
		return FRAME_BAD_LENGTH;
	if (udp.dgram_cksum != 0) {
		uint32_t sum = constant_udp_sum(&ip, &udp) + udp.src_port + udp.dgram_cksum;

		sum = __rte_raw_cksum(bytes + FRAME_HEADER_BYTES, udp_bytes - sizeof(udp), sum);
		if (__rte_raw_cksum_reduce(sum) != 0xffff)
			return FRAME_BAD_UDP_SUM;
	}
	f->payload = bytes + FRAME_HEADER_BYTES;
	f->payload_bytes = udp_bytes - sizeof(udp);
	f->src_ip = rte_be_to_cpu_32(ip.src_addr);
	f->dst_ip = rte_be_to_cpu_32(ip.dst_addr);
	f->src_port = rte_be_to_cpu_16(udp.src_port);
	f->dst_port = rte_be_to_cpu_16(udp.dst_port);
	return FRAME_OK;
}

const char *
frame_error_name(enum frame_error error)
{
	static const char *const names[FRAME_ERRORS] = {
			[FRAME_OK] = "ok",
			[FRAME_SHORT] = "short",
			[FRAME_NOT_IPV4] = "not_ipv4",
			[FRAME_NOT_UDP] = "not_udp",
			[FRAME_BAD_LENGTH] = "bad_length",
			[FRAME_BAD_IP_SUM] = "bad_ip_checksum",
			[FRAME_BAD_UDP_SUM] = "bad_udp_checksum",
	};

	return error < FRAME_ERRORS ? names[error] : "unknown";
}
