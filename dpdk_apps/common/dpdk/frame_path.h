/*
 * Frames between two fixed ends, of any length: Ethernet II, IPv4, UDP as in frame.h, but without
 * a UDP checksum, which IPv4 allows: for payloads that have a better one of their own. Both the
 * header of what is sent and the test of what comes cost a few instructions.
 */
#ifndef COMMON_DPDK_FRAME_PATH_H
#define COMMON_DPDK_FRAME_PATH_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "frame.h"

/* The largest MTU that anything here is used with. */
#define FRAME_MTU_MAX 9000
#define FRAME_MTU_MIN 576

/* What a frame's payload may have in all. */
static inline uint16_t
frame_payload_of_mtu(uint16_t mtu)
{
	return mtu - (uint16_t)(sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_udp_hdr));
}

struct frame_path {
	uint8_t header[FRAME_HEADER_BYTES]; /* lengths and IP checksum are 0 */
	uint32_t ip_sum; /* one's complement sum of the IP header as it is here */
};

/* The way from `ends->src_*` and UDP port `src_port` to `ends->dst_*`. */
void frame_path_init(struct frame_path *p, const struct frame_ends *ends, uint16_t src_port);

/* The parts of the header between its lengths and checksums. */
enum {
	FRAME_AT_IP_LENGTH =
			sizeof(struct rte_ether_hdr) + offsetof(struct rte_ipv4_hdr, total_length),
	FRAME_AT_IP_ID = FRAME_AT_IP_LENGTH + 2,
	FRAME_AT_IP_SUM =
			sizeof(struct rte_ether_hdr) + offsetof(struct rte_ipv4_hdr, hdr_checksum),
	FRAME_AT_ADDRESSES = FRAME_AT_IP_SUM + 2, /* both, and both ports */
	FRAME_AT_UDP_LENGTH = FRAME_UDP_OFFSET + offsetof(struct rte_udp_hdr, dgram_len),
	FRAME_AT_UDP_SUM = FRAME_UDP_OFFSET + offsetof(struct rte_udp_hdr, dgram_cksum),
};

static inline rte_be16_t
frame_path_ip_sum(const struct frame_path *p, rte_be16_t ip_bytes)
{
	uint32_t sum = p->ip_sum + ip_bytes;

	/* Ten numbers of 16 bits: once leaves one carry at most. */
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (rte_be16_t)~sum;
}

static inline void
frame_put(uint8_t *to, rte_be16_t value)
{
	memcpy(to, &value, sizeof(value));
}

static inline rte_be16_t
frame_get(const uint8_t *from)
{
	rte_be16_t value;

	memcpy(&value, from, sizeof(value));
	return value;
}

/* Writes the header of a frame with `payload_bytes` behind it, which are at most
 * frame_payload_of_mtu(FRAME_MTU_MAX). */
static inline void
frame_path_write(uint8_t *frame, const struct frame_path *p, uint16_t payload_bytes)
{
	uint16_t udp_bytes = sizeof(struct rte_udp_hdr) + payload_bytes;
	rte_be16_t ip_bytes = rte_cpu_to_be_16(sizeof(struct rte_ipv4_hdr) + udp_bytes);

	memcpy(frame, p->header, FRAME_HEADER_BYTES);
	frame_put(frame + FRAME_AT_IP_LENGTH, ip_bytes);
	frame_put(frame + FRAME_AT_IP_SUM, frame_path_ip_sum(p, ip_bytes));
	frame_put(frame + FRAME_AT_UDP_LENGTH, rte_cpu_to_be_16(udp_bytes));
}

/*
 * Whether the `length` bytes are a frame of this path, right in every byte of its header; bytes
 * behind the IP packet are padding. A frame that is not may still be one that frame_read() takes.
 */
static inline bool
frame_path_is(const struct frame_path *p, const uint8_t *frame, size_t length,
		uint16_t *payload_bytes)
{
	rte_be16_t ip_bytes;
	uint16_t bytes;

	if (length < FRAME_HEADER_BYTES || memcmp(frame, p->header, FRAME_AT_IP_LENGTH) != 0 ||
			memcmp(frame + FRAME_AT_IP_ID, p->header + FRAME_AT_IP_ID,
					FRAME_AT_IP_SUM - FRAME_AT_IP_ID) != 0 ||
			memcmp(frame + FRAME_AT_ADDRESSES, p->header + FRAME_AT_ADDRESSES,
					FRAME_AT_UDP_LENGTH - FRAME_AT_ADDRESSES) != 0)
		return false;
	ip_bytes = frame_get(frame + FRAME_AT_IP_LENGTH);
	bytes = rte_be_to_cpu_16(ip_bytes);
	if (bytes < sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_udp_hdr) ||
			bytes > length - sizeof(struct rte_ether_hdr) ||
			frame_get(frame + FRAME_AT_IP_SUM) != frame_path_ip_sum(p, ip_bytes) ||
			rte_be_to_cpu_16(frame_get(frame + FRAME_AT_UDP_LENGTH)) !=
					bytes - sizeof(struct rte_ipv4_hdr) ||
			frame_get(frame + FRAME_AT_UDP_SUM) != 0)
		return false;
	*payload_bytes = frame_payload_of_mtu(bytes);
	return true;
}

#endif
