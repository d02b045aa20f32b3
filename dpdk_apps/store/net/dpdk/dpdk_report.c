#include "dpdk_report.h"

#include <string.h>

#include "pool.h"
#include "port_report.h"

static void
report_port(const struct dpdk_carrier *c, uint16_t index, struct stats *s)
{
	const struct dpdk_port *p = &c->ports[index];
	struct named_count drops[DPDK_DROPS];
	unsigned int n = 0;

	/* The first value of frame_error says that nothing was wrong. */
	for (int reason = FRAME_OK + 1; reason < DPDK_DROPS; reason++)
		drops[n++] = (struct named_count){
				dpdk_drop_name((enum dpdk_drop)reason), c->drops[index][reason]};
	drops[n++] = (struct named_count){"link_lost", p->unsent};
	report_queue_begin(s, &p->state, 0, &p->counts);
	report_reasons(s, "drops", drops, n);
	stats_count(s, "tx_full", p->tx_full);
	stats_count(s, "pool_empty", p->pool_empty);
	stats_count(s, "links", p->links);
	stats_count(s, "faults", p->faults);
	stats_object_end(s);
}

/* Of all ports. What is in use and neither ours nor lost is in the driver's rings. */
static void
report_buffers(const struct dpdk_carrier *c, struct stats *s)
{
	struct named_count explained[] = {{"unsent", 0}, {"link_lost", 0}, {"driver", 0}};
	uint64_t size = 0, in_use = 0;

	for (uint16_t i = 0; i < c->port_count; i++) {
		const struct dpdk_port *p = &c->ports[i];
		uint32_t used = rte_mempool_in_use_count(p->pool);

		size += p->pool->size;
		in_use += used;
		explained[0].count += p->held;
		explained[1].count += p->lost;
		/* These two copy every frame and keep none. */
		if (strcmp(p->state.driver, "net_memif") != 0 &&
				strcmp(p->state.driver, "net_af_packet") != 0)
			explained[2].count += used - p->held - p->lost;
	}
	stats_object_begin(s, "pool");
	stats_count(s, "size", size);
	stats_count(s, "in_use_at_end", in_use);
	report_reasons(s, "explained", explained, RTE_DIM(explained));
	stats_object_end(s);
}

void
dpdk_report(const struct dpdk_carrier *c, uint16_t mtu, struct stats *s)
{
	struct port_state ports[PORT_MAX];
	struct driver_stats driver[PORT_MAX];

	stats_count(s, "mtu", mtu);
	stats_count(s, "peers_recycled", c->peers.recycled);
	stats_array_begin(s, "queues");
	for (uint16_t i = 0; i < c->port_count; i++) {
		ports[i] = c->ports[i].state;
		report_port(c, i, s);
	}
	stats_array_end(s);
	driver_stats_read(ports, c->port_count, driver);
	report_driver_stats(s, ports, c->port_count, driver);
	report_buffers(c, s);
}
