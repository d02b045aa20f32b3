/*
 * An input of a fuzzer as packets that come to an end of the store's protocol, one after the
 * other, each of
 *
 *   0  u8 how: bit 0: the header is made right (magic, length, CRC; bit 1: version too; bit 2:
 *      both epochs and the session too), so that what is behind those checks is reached;
 *      bits 4 to 7: ticks that pass before it, 2^(2n) - 1
 *   1  u16 length   3  that many bytes of packet, or what is left
 */
#ifndef FUZZ_STORE_FEED_H
#define FUZZ_STORE_FEED_H

#include <stdlib.h>
#include <string.h>

#include "carrier.h"
#include "crc32c.h"
#include "packet.h"
#include "wire.h"

#define FEED_CLIENT 0xc1
#define FEED_SERVER 0x51
#define FEED_PEER 7
#define FEED_MOST 1472
#define FEED_VALUE 40000

/* Where what an end sends is looked at. */
struct feed {
	struct carrier carrier; /* first */
	uint64_t now;
	uint32_t session; /* of the last WELCOME that was sent, or what a client is to hear */
	uint64_t hello_id;
};

/* All that is sent must be well formed, whatever came. */
static int
feed_send(struct carrier *c, uint32_t peer, const struct iovec *parts, int count)
{
	struct feed *f = (struct feed *)c;
	uint8_t bytes[FEED_MOST];
	size_t n = 0;
	struct packet p;

	(void)peer;
	for (int i = 0; i < count; i++) {
		if (n + parts[i].iov_len > sizeof(bytes))
			abort();
		memcpy(bytes + n, parts[i].iov_base, parts[i].iov_len);
		n += parts[i].iov_len;
	}
	if (packet_decode(&p, bytes, n) != PACKET_OK)
		abort();
	if (p.type == PACKET_WELCOME)
		f->session = p.session;
	if (p.type == PACKET_HELLO)
		f->hello_id = p.id;
	return 0;
}

static uint32_t
feed_poll(struct carrier *c, carrier_take *take, void *self)
{
	(void)c;
	(void)take;
	(void)self;
	return 0;
}

static const struct carrier_calls feed_calls = {.send = feed_send, .poll = feed_poll};

static void
feed_make_right(const struct feed *f, uint8_t *packet, uint32_t n, uint8_t how)
{
	wire_put_be16(packet, PACKET_MAGIC);
	wire_put_be32(packet + 4, n - PACKET_HEADER_BYTES);
	if ((how & 2) != 0)
		packet[2] = PACKET_VERSION_MAX;
	if ((how & 4) != 0) {
		wire_put_be64(packet + 8, FEED_CLIENT);
		wire_put_be64(packet + 16, FEED_SERVER);
		wire_put_be32(packet + 32, f->session);
		if (packet[3] == PACKET_WELCOME)
			wire_put_be64(packet + 24, f->hello_id);
	}
	wire_put_be32(packet + 52, crc32c(crc32c(0, packet, 52), packet + PACKET_HEADER_BYTES,
						   n - PACKET_HEADER_BYTES));
}

/* Gives the next packet to `take`; false at the end of the input. */
static bool
feed_next(struct feed *f, const uint8_t **data, size_t *size, carrier_take *take, void *self)
{
	uint8_t how;
	uint32_t n;
	uint8_t *packet;

	if (*size < 3)
		return false;
	how = (*data)[0];
	n = wire_get_be16(*data + 1);
	*data += 3;
	*size -= 3;
	if (n > *size)
		n = (uint32_t)*size;
	/* Of exactly its size, so that ASan sees a byte too far. */
	packet = malloc(n + (n == 0));
	if (packet == NULL)
		abort();
	memcpy(packet, *data, n);
	*data += n;
	*size -= n;
	if ((how & 1) != 0 && n >= PACKET_HEADER_BYTES)
		feed_make_right(f, packet, n, how);
	f->now += (UINT64_C(1) << 2 * (how >> 4)) - 1;
	take(self, FEED_PEER, packet, n, f->now);
	free(packet);
	return true;
}

#endif
