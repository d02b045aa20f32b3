#include "group.h"

#include <inttypes.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_memzone.h>

#include "lifecycle.h"

#define ZONE_NAME "symmetric_mp_group"
#define MAGIC UINT64_C(0x70756f7267706d73)
/* Changes with the layout of `struct group`. */
#define VERSION 1

struct group *
group_create(uint16_t num_procs)
{
	const struct rte_memzone *zone =
			rte_memzone_reserve(ZONE_NAME, sizeof(struct group), SOCKET_ID_ANY, 0);
	struct group *g;

	if (zone == NULL) {
		complain("no memory for the group's record: %s", rte_strerror(rte_errno));
		return NULL;
	}
	g = zone->addr;
	memset(g, 0, sizeof(*g));
	g->version = VERSION;
	g->num_procs = num_procs;
	return g;
}

void
group_open(struct group *g)
{
	__atomic_store_n(&g->magic, MAGIC, __ATOMIC_RELEASE);
}

static bool
same_ports(const struct group *g, const uint16_t *ports, uint16_t count)
{
	if (g->port_count != count)
		return false;
	for (uint16_t i = 0; i < count; i++)
		if (g->ports[i].port != ports[i])
			return false;
	return true;
}

struct group *
group_join(uint16_t num_procs, const uint16_t *ports, uint16_t port_count)
{
	const struct rte_memzone *zone = rte_memzone_lookup(ZONE_NAME);
	struct group *g = zone != NULL ? zone->addr : NULL;

	if (g == NULL || __atomic_load_n(&g->magic, __ATOMIC_ACQUIRE) != MAGIC) {
		complain("the primary of this --file-prefix has no open group: wait for its @ready "
			 "line, and check that it is symmetric_mp");
		return NULL;
	}
	if (g->version != VERSION) {
		complain("the primary's record has version %" PRIu32
			 ", this program knows %d: start both from one build",
				g->version, VERSION);
		return NULL;
	}
	if (g->num_procs != num_procs) {
		complain("--num-procs %u, but the primary was started with --num-procs %u: give "
			 "all "
			 "processes the same number",
				num_procs, g->num_procs);
		return NULL;
	}
	if (!same_ports(g, ports, port_count)) {
		complain("-p names other ports than the primary's: give all processes the same "
			 "mask");
		return NULL;
	}
	return g;
}
