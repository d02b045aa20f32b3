#include "board.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_memzone.h>

#include "lifecycle.h"

#define ZONE_NAME "client_server_board"
#define MAGIC UINT64_C(0x6472616f62737263)
/* Changes with the layout of `struct board`. */
#define VERSION 1

struct board {
	uint64_t magic; /* written last */
	uint32_t version;
	struct arrangement arrangement;
	struct roster clients __rte_cache_aligned;
	struct rx_counts rx[PORT_MAX] __rte_cache_aligned;
	struct offer_counts offers[DISPATCH_MAX_CLIENTS];
	struct client_counts counts[DISPATCH_MAX_CLIENTS];
};

_Static_assert(DISPATCH_MAX_CLIENTS <= ROSTER_PLACES, "every client has a place");

const char *
client_drop_name(enum client_drop reason)
{
	static const char *const names[CLIENT_DROPS] = {
			[CLIENT_TX_FULL] = "tx_full",
			[CLIENT_RUNT] = "runt",
			[CLIENT_GROUP] = "group_address",
			[CLIENT_UNFLUSHED] = "unflushed",
	};

	return names[reason];
}

uint64_t
client_done(const struct client_counts *c)
{
	uint64_t done = 0;

	for (uint16_t i = 0; i < PORT_MAX; i++) {
		done += count_read(&c->lanes[i].queue.tx_packets);
		for (int reason = 0; reason < CLIENT_DROPS; reason++)
			done += count_read(&c->lanes[i].drops[reason]);
	}
	return done;
}

void
board_ring_name(char name[RING_NAME_BYTES], uint16_t id)
{
	(void)snprintf(name, RING_NAME_BYTES, "client_server_ring%u", id);
}

bool
board_create(struct server_view *v, uint16_t num_clients)
{
	const struct rte_memzone *zone = rte_memzone_reserve_aligned(
			ZONE_NAME, sizeof(struct board), SOCKET_ID_ANY, 0, RTE_CACHE_LINE_SIZE);
	struct board *b;

	if (zone == NULL) {
		complain("no memory for the record of the group: %s", rte_strerror(rte_errno));
		return false;
	}
	b = zone->addr;
	memset(b, 0, sizeof(*b));
	b->version = VERSION;
	b->arrangement.num_clients = num_clients;
	*v = (struct server_view){
			.arrangement = &b->arrangement,
			.clients = &b->clients,
			.rx = b->rx,
			.offers = b->offers,
			.counts = b->counts,
	};
	return true;
}

void
board_open(const struct server_view *v)
{
	struct board *b = RTE_PTR_SUB(v->arrangement, offsetof(struct board, arrangement));

	__atomic_store_n(&b->magic, MAGIC, __ATOMIC_RELEASE);
}

static bool
fits(const struct board *b, uint16_t id, uint16_t num_clients)
{
	if (b->version != VERSION) {
		complain("the server's record has version %" PRIu32
			 ", this program knows %d: start both from one build",
				b->version, VERSION);
		return false;
	}
	if (num_clients > 0 && num_clients != b->arrangement.num_clients) {
		complain("--num-clients %u, but the server was started with --num-clients %u: give "
			 "all the same number",
				num_clients, b->arrangement.num_clients);
		return false;
	}
	if (id < b->arrangement.num_clients)
		return true;
	complain("--client-id %u, but the server was started with --num-clients %u: ids go from 0 "
		 "to %u",
			id, b->arrangement.num_clients, b->arrangement.num_clients - 1);
	return false;
}

bool
board_join(struct client_view *v, uint16_t id, uint16_t num_clients)
{
	const struct rte_memzone *zone = rte_memzone_lookup(ZONE_NAME);
	struct board *b = zone != NULL ? zone->addr : NULL;

	if (b == NULL || __atomic_load_n(&b->magic, __ATOMIC_ACQUIRE) != MAGIC) {
		complain("the primary of this --file-prefix has no open group: wait for its @ready "
			 "line, and check that it is mp_server");
		return false;
	}
	if (!fits(b, id, num_clients))
		return false;
	*v = (struct client_view){
			.arrangement = &b->arrangement,
			.clients = &b->clients,
			.rx = b->rx,
			.offers = b->offers,
			.own = &b->counts[id],
			.counts = b->counts,
	};
	return true;
}
