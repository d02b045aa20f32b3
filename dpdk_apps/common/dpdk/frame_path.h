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

#include <rte_branch_prediction.h>

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

/* The header is that of the last frame of either kind: the next one mostly is as long. */
struct frame_path {
	uint8_t header[FRAME_HEADER_BYTES];
	uint16_t payload_bytes; /* behind that header */
	uint32_t ip_sum; /* one's complement sum of the IP header but for its length and itself */
};

/* The way from `ends->src_*` and UDP port `src_port` to `ends->dst_*`. */
void frame_path_init(struct frame_path *p, const struct frame_ends *ends, uint16_t src_port);

/* Lengths and checksums in the header. */
enum {
	FRAME_AT_IP_LENGTH =
			sizeof(struct rte_ether_hdr) + offsetof(struct rte_ipv4_hdr, total_length),
	FRAME_AT_IP_SUM =
			sizeof(struct rte_ether_hdr) + offsetof(struct rte_ipv4_hdr, hdr_checksum),
	FRAME_AT_ADDRESSES = FRAME_AT_IP_SUM + 2, /* both, and both ports */
	FRAME_AT_UDP_LENGTH = FRAME_UDP_OFFSET + offsetof(struct rte_udp_hdr, dgram_len),
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

/* Makes the path's header that of a frame with `payload_bytes`. */
static inline void
frame_path_fit(struct frame_path *p, uint16_t payload_bytes)
{
	uint16_t udp_bytes = sizeof(struct rte_udp_hdr) + payload_bytes;
	rte_be16_t ip_bytes = rte_cpu_to_be_16(sizeof(struct rte_ipv4_hdr) + udp_bytes);

	p->payload_bytes = payload_bytes;
	frame_put(p->header + FRAME_AT_IP_LENGTH, ip_bytes);
	frame_put(p->header + FRAME_AT_IP_SUM, frame_path_ip_sum(p, ip_bytes));
	frame_put(p->header + FRAME_AT_UDP_LENGTH, rte_cpu_to_be_16(udp_bytes));
}

/* Writes the header of a frame with `payload_bytes` behind it, which are at most
 * frame_payload_of_mtu(FRAME_MTU_MAX). */
static inline void
frame_path_write(uint8_t *frame, struct frame_path *p, uint16_t payload_bytes)
{
	if (unlikely(p->payload_bytes != payload_bytes))
		frame_path_fit(p, payload_bytes);
	memcpy(frame, p->header, FRAME_HEADER_BYTES);
}

/* Whether two headers are the same in every byte; by words, which memcmp() is not where it is a
 * call. */
static inline bool
frame_path_same(const uint8_t *a, const uint8_t *b)
{
	uint64_t differ = frame_get(a + FRAME_HEADER_BYTES - 2) ^
			  frame_get(b + FRAME_HEADER_BYTES - 2);

	_Static_assert(FRAME_HEADER_BYTES == 5 * sizeof(uint64_t) + 2, "five words and a half");
	for (size_t at = 0; at + sizeof(uint64_t) <= FRAME_HEADER_BYTES; at += sizeof(uint64_t)) {
		uint64_t one, other;

		memcpy(&one, a + at, sizeof(one));
		memcpy(&other, b + at, sizeof(other));
		differ |= one ^ other;
	}
	return differ == 0;
}

/*
 * Whether the `length` bytes are a frame of this path, right in every byte of its header; bytes
 * behind the IP packet are padding. A frame that is not may still be one that frame_read() takes.
 */
static inline bool
frame_path_is(struct frame_path *p, const uint8_t *frame, size_t length, uint16_t *payload_bytes)
{
	if (length < FRAME_HEADER_BYTES)
		return false;
	if (unlikely(!frame_path_same(frame, p->header))) {
		uint16_t bytes = rte_be_to_cpu_16(frame_get(frame + FRAME_AT_IP_LENGTH));

		/* Only one of another length can still be of this path. */
		if (bytes < sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_udp_hdr) ||
				frame_payload_of_mtu(bytes) == p->payload_bytes)
			return false;
		frame_path_fit(p, frame_payload_of_mtu(bytes));
		if (!frame_path_same(frame, p->header))
			return false;
	}
	*payload_bytes = p->payload_bytes;
	return p->payload_bytes <= length - FRAME_HEADER_BYTES;
}

#endif
