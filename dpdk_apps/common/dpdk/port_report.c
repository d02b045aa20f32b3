#include "port_report.h"

#include <rte_errno.h>

void
report_queue_begin(struct stats *s, const struct port_state *port, uint16_t queue,
		const struct queue_counts *counts)
{
	char mac[RTE_ETHER_ADDR_FMT_SIZE];

	rte_ether_format_addr(mac, sizeof(mac), &port->mac);
	stats_object_begin(s, NULL);
	stats_count(s, "port", port->port);
	stats_count(s, "queue", queue);
	stats_string(s, "driver", port->driver);
	stats_string(s, "mac", mac);
	stats_count(s, "rx_packets", counts->rx_packets);
	stats_count(s, "tx_packets", counts->tx_packets);
	stats_count(s, "rx_bytes", counts->rx_bytes);
	stats_count(s, "tx_bytes", counts->tx_bytes);
}

void
report_reasons(struct stats *s, const char *key, const struct named_count *reasons, unsigned int n)
{
	stats_object_begin(s, key);
	for (unsigned int i = 0; i < n; i++)
		stats_count(s, reasons[i].name, reasons[i].count);
	stats_object_end(s);
}

void
report_accounting(struct stats *s, uint64_t in, uint64_t out, uint64_t drops)
{
	report_accounting_reasons(s, in, out, drops, NULL, 0);
}

void
report_accounting_reasons(struct stats *s, uint64_t in, uint64_t out, uint64_t drops,
		const struct named_count *reasons, unsigned int n)
{
	stats_object_begin(s, "accounting");
	stats_count(s, "in", in);
	stats_count(s, "out", out);
	stats_count(s, "drops", drops);
	if (n > 0)
		report_reasons(s, "reasons", reasons, n);
	stats_object_end(s);
}

void
report_pool(struct stats *s, const struct rte_mempool *pool, uint32_t in_use,
		const struct named_count *explained, unsigned int n)
{
	stats_object_begin(s, "pool");
	stats_count(s, "size", pool->size);
	stats_count(s, "in_use_at_end", in_use);
	report_reasons(s, "explained", explained, n);
	stats_object_end(s);
}

void
driver_stats_read(
		const struct port_state *ports, uint16_t count, struct driver_stats stats[PORT_MAX])
{
	for (uint16_t i = 0; i < count; i++)
		stats[i].error = -rte_eth_stats_get(ports[i].port, &stats[i].counts);
}

static void
write_driver_stats(struct stats *s, const struct rte_eth_stats *d)
{
	stats_count(s, "ipackets", d->ipackets);
	stats_count(s, "opackets", d->opackets);
	stats_count(s, "imissed", d->imissed);
	stats_count(s, "ierrors", d->ierrors);
	stats_count(s, "oerrors", d->oerrors);
	stats_count(s, "rx_nombuf", d->rx_nombuf);
}

void
report_driver_stats(struct stats *s, const struct port_state *ports, uint16_t count,
		const struct driver_stats *stats)
{
	stats_array_begin(s, "driver_stats");
	for (uint16_t i = 0; i < count; i++) {
		stats_object_begin(s, NULL);
		stats_count(s, "port", ports[i].port);
		if (stats[i].error != 0)
			stats_string(s, "error", rte_strerror(stats[i].error));
		else
			write_driver_stats(s, &stats[i].counts);
		stats_object_end(s);
	}
	stats_array_end(s);
}
