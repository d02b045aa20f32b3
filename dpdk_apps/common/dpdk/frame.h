/*
 * The frame around a message: Ethernet II, IPv4 without options, UDP, with
 * correct lengths and checksums. The flow is told by the UDP source port; a
 * forwarder swaps the MAC addresses and leaves the rest as it is.
 *
 * Addresses and ports are in network byte order in the structs that say so
 * (rte_be32_t, rte_be16_t) and in host order everywhere else.
 */
#ifndef COMMON_DPDK_FRAME_H
#define COMMON_DPDK_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#define FRAME_HEADER_BYTES                                                                         \
	(sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_udp_hdr))
#define FRAME_UDP_OFFSET (sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv4_hdr))
/* What a frame of 1518 bytes (with its check sequence) has room for. */
#define FRAME_MAX_PAYLOAD 1472

/* An address in host order; DPDK's RTE_IPV4() shifts signed numbers. */
#define FRAME_IP(a, b, c, d)                                                                       \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

/* Both ends of all flows; they differ in the source port only. */
struct frame_ends {
	struct rte_ether_addr src_mac;
	struct rte_ether_addr dst_mac;
	uint32_t src_ip;
	uint32_t dst_ip;
	uint16_t dst_port;
};

/* Header of all frames of one payload length, and what of their UDP checksum is known beforehand.
 */
struct frame_template {
	uint8_t header[FRAME_HEADER_BYTES];
	uint32_t udp_sum;
	uint16_t payload_bytes;
};

/* Why a received frame was refused. */
enum frame_error {
	FRAME_OK,
	FRAME_SHORT,	/* fewer bytes than its headers or their lengths say */
	FRAME_NOT_IPV4, /* another EtherType or IP version, IP options, or a fragment */
	FRAME_NOT_UDP,
	FRAME_BAD_LENGTH, /* IP and UDP lengths contradict each other */
	FRAME_BAD_IP_SUM,
	FRAME_BAD_UDP_SUM,
	FRAME_ERRORS, /* number of values */
};

/* What a received frame holds; `payload` points into it. */
struct frame {
	const uint8_t *payload;
	uint32_t src_ip;
	uint32_t dst_ip;
	uint16_t payload_bytes;
	uint16_t src_port;
	uint16_t dst_port;
};

/* `payload_bytes` is at most FRAME_MAX_PAYLOAD. */
void frame_template_init(
		struct frame_template *t, const struct frame_ends *ends, uint16_t payload_bytes);

/*
 * Writes the header for flow `src_port` before the payload, which already stands at
 * `frame + FRAME_HEADER_BYTES`. The frame has FRAME_HEADER_BYTES + payload_bytes bytes.
 */
void frame_finish(uint8_t *frame, const struct frame_template *t, uint16_t src_port);

/* Reads and checks a frame of `length` bytes; bytes after the IP packet are padding and ignored. */
enum frame_error frame_read(struct frame *f, const uint8_t *bytes, size_t length);

/* Short name of an error, as the statistics spell it. */
const char *frame_error_name(enum frame_error error);

/* Swaps source and destination MAC address of a frame that has at least an Ethernet header. */
static inline void
frame_swap_macs(uint8_t *frame)
{
	struct rte_ether_hdr *eth = (struct rte_ether_hdr *)frame;
	struct rte_ether_addr keep = eth->dst_addr;

	eth->dst_addr = eth->src_addr;
	eth->src_addr = keep;
}

#endif
