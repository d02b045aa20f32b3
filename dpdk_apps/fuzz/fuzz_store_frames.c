/*
 * Whatever frames come to a port of the store's carrier over DPDK. Each must be shown as a packet
 * or be counted as a drop, and be given back.
 *
 * An input is
 *
 *   0  u8: bit 0: a client's carrier, else a server's
 *
 * and then frames, each
 *
 *   0  u8 how: bit 0: with the header of a frame that is for this end; bits 1 and 2: which of four
 *      others sends it (to a client, 0 is its server); bit 3: its packet is a right one; bit 7: it
 *      comes in two buffers
 *   1  u16 length   3  that many bytes, or what is left: behind the header, or the whole frame
 */
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>

#include "crc32c.h"
#include "dpdk_carrier.h"
#include "wire.h"

#define PORT 1
#define MTU 1500
#define FRAME_MOST 2048
#define SERVER_IP 0xc6130001
#define SERVER_UDP 7100
#define CLIENT_IP 0xc6130002
#define CLIENT_UDP 49152

static const struct rte_ether_addr own_mac = {{2, 0, 0, 0, 0, 1}};

struct wire_end {
	uint8_t *frame; /* of exactly its length; NULL: none waits */
	struct rte_mbuf mbuf;
	uint64_t frames;
	uint64_t shown;
	uint32_t sum; /* of all that was shown */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint16_t
receive(void *queue, struct rte_mbuf **frames, uint16_t n)
{
	struct wire_end *w = queue;

	if (w->frame == NULL || n == 0)
		return 0;
	w->frames++;
	frames[0] = &w->mbuf;
	return 1;
}

static uint16_t
send_none(void *queue, struct rte_mbuf **frames, uint16_t n)
{
	(void)queue;
	(void)frames;
	(void)n;
	return 0;
}

/* Reads all of it, so that a byte too far is seen. */
static void
take(void *self, uint32_t peer, const uint8_t *packet, uint32_t bytes, uint64_t tick)
{
	struct wire_end *w = self;

	(void)tick;
	if (peer == DPDK_PEERS_NONE || packet < w->frame ||
			packet + bytes > w->frame + w->mbuf.data_len)
		abort();
	w->sum = crc32c(w->sum, packet, bytes);
	w->shown++;
}

/* The header that one of four others would send. */
static void
make_header(uint8_t *frame, bool client, unsigned int who, uint16_t payload)
{
	const struct frame_ends ends = {
			.src_mac = {{2, 0, 0, 0, 1, (uint8_t)who}},
			.dst_mac = own_mac,
			.src_ip = (client ? SERVER_IP : CLIENT_IP) + (who << 4),
			.dst_ip = client ? CLIENT_IP : SERVER_IP,
			.dst_port = client ? CLIENT_UDP : SERVER_UDP,
	};
	struct frame_path path;

	frame_path_init(&path, &ends, client ? SERVER_UDP : CLIENT_UDP);
	frame_path_write(frame, &path, payload);
}

static void
make_packet_right(uint8_t *packet, size_t n)
{
	wire_put_be16(packet, PACKET_MAGIC);
	packet[2] = PACKET_VERSION_MAX;
	wire_put_be32(packet + 4, (uint32_t)(n - PACKET_HEADER_BYTES));
	wire_put_be32(packet + 52, crc32c(crc32c(0, packet, 52), packet + PACKET_HEADER_BYTES,
						   n - PACKET_HEADER_BYTES));
}

/* Puts the next frame onto the wire; false at the end of the input. */
static bool
next_frame(struct wire_end *w, bool client, const uint8_t **data, size_t *size)
{
	size_t head, n;
	uint8_t how;

	if (*size < 3)
		return false;
	how = (*data)[0];
	n = wire_get_be16(*data + 1) % (FRAME_MOST - FRAME_HEADER_BYTES);
	*data += 3;
	*size -= 3;
	n = n < *size ? n : *size;
	head = (how & 1) != 0 ? FRAME_HEADER_BYTES : 0;
	w->frame = malloc(head + n + (head + n == 0));
	if (w->frame == NULL)
		abort();
	if (head > 0)
		make_header(w->frame, client, how >> 1 & 3, (uint16_t)n);
	memcpy(w->frame + head, *data, n);
	if (head > 0 && (how & 8) != 0 && n >= PACKET_HEADER_BYTES)
		make_packet_right(w->frame + head, n);
	*data += n;
	*size -= n;
	w->mbuf = (struct rte_mbuf){
			.buf_addr = w->frame,
			.data_len = (uint16_t)(head + n),
			.pkt_len = (uint32_t)(head + n),
			.nb_segs = (how & 128) != 0 ? 2 : 1,
			/* One is ours: what the carrier gives back comes to no pool. */
			.refcnt = 2,
	};
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct dpdk_server_address server = {.ip = SERVER_IP, .udp = SERVER_UDP};
	static void *queues[1];
	struct dpdk_carrier *c = calloc(1, sizeof(*c));
	struct wire_end w = {0};
	struct carrier *carrier;
	uint64_t drops = 0;
	bool client = size > 0 && (data[0] & 1) != 0;

	if (c == NULL)
		abort();
	queues[0] = &w;
	rte_eth_fp_ops[PORT].rxq.data = queues;
	rte_eth_fp_ops[PORT].txq.data = queues;
	rte_eth_fp_ops[PORT].rx_pkt_burst = receive;
	rte_eth_fp_ops[PORT].tx_pkt_burst = send_none;
	c->ports[0] = (struct dpdk_port){
			.guard = &c->guard,
			.state = {.port = PORT, .queues = 1, .rx_desc = 64, .mac = own_mac},
			.up = true,
	};
	dpdk_carrier_begin(c, 1, client ? CLIENT_IP : SERVER_IP, client ? CLIENT_UDP : SERVER_UDP,
			client ? &server : NULL, MTU);
	carrier = &c->carrier;
	data += size > 0;
	size -= size > 0;
	while (next_frame(&w, client, &data, &size)) {
		(void)carrier->calls->poll(carrier, take, &w);
		if (rte_mbuf_refcnt_read(&w.mbuf) != 1)
			abort();
		free(w.frame);
		w.frame = NULL;
	}
	for (int reason = 0; reason < DPDK_DROPS; reason++)
		drops += c->drops[0][reason];
	if (c->ports[0].counts.rx_packets != w.frames || w.frames != w.shown + drops ||
			c->ports[0].held != 0)
		abort();
	free(c);
	return 0;
}
