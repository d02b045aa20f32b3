#include "spread.h"

#include <rte_common.h>
#include <rte_thash.h>

/* The key of Microsoft's specification of receive side scaling, the default of many drivers. */
static const uint8_t default_key[40] __rte_aligned(4) = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e,
		0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae,
		0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7,
		0x3b, 0xbe, 0xac, 0x01, 0xfa};

void
spread_init(struct spread *s, uint16_t queues)
{
	for (uint16_t i = 0; i < SPREAD_TABLE_ENTRIES; i++)
		s->table[i] = i % queues;
}

uint32_t
spread_hash(uint32_t src_ip, uint32_t dst_ip, uint16_t src_port, uint16_t dst_port)
{
	uint32_t tuple[3] = {src_ip, dst_ip, (uint32_t)src_port << 16 | dst_port};

	return rte_softrss(tuple, RTE_DIM(tuple), default_key);
}
