#include "link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "pool.h"
#include "spread.h"

#define LINK_TIMEOUT_MS 5000
/* A port whose send queues are its receive queues: the echo that needs no peer. */
#define FLOOR_DEVICE "net_ring_floor"

const char *
link_drop_name(enum link_drop reason)
{
	switch (reason) {
	case LINK_FOREIGN:
		return "foreign";
	case LINK_LATE_PROBE:
		return "late_probe";
	case LINK_WRONG_FLOW:
		return "wrong_flow";
	case LINK_REFUSED:
		return "refused_message";
	case LINK_UNFLUSHED:
		return "unflushed";
	case LINK_RING_FULL:
		return "ring_full";
	default:
		return frame_error_name((enum frame_error)reason);
	}
}

static uint16_t
floor_port(uint16_t ports[PORT_MAX])
{
	int error = rte_eal_hotplug_add("vdev", FLOOR_DEVICE, "");

	if (error != 0 || rte_eth_dev_get_port_by_name(FLOOR_DEVICE, &ports[0]) != 0) {
		complain("no loop inside the program for --floor: %s; is DPDK's net_ring driver "
			 "installed?",
				rte_strerror(-error));
		return 0;
	}
	return 1;
}

static int
start_ports(struct link *l, const struct link_options *o, const uint16_t *ports)
{
	uint32_t mbufs = pool_mbufs_of_process(o->burst);

	for (uint16_t i = 0; i < l->port_count; i++) {
		if (!port_can(ports[i], l->queues, false))
			return EXIT_WRONG_USE;
		mbufs += port_mbufs(ports[i], &o->wish);
	}
	l->pool = pool_create_for("link_pool", mbufs, o->wish.mtu);
	if (l->pool == NULL)
		return EXIT_FAILED;
	for (uint16_t i = 0; i < l->port_count; i++)
		if (port_start(ports[i], &o->wish, l->pool, &l->ports[i]) != 0)
			return EXIT_FAILED;
	return ports_wait_link(ports, l->port_count, LINK_TIMEOUT_MS) == 0 ? EXIT_DONE
									   : EXIT_FAILED;
}

static void
make_lanes(struct link *l)
{
	for (uint16_t i = 0; i < l->lane_count; i++)
		l->lanes[i] = (struct lane){
				.port = l->ports[i / l->queues].port,
				.port_index = i / l->queues,
				.queue = i % l->queues,
		};
}

/* Deals the flows out: over the ports in turn, and over the queues as a NIC would. */
static void
route_flows(struct link *l, const struct link_options *o)
{
	struct spread spread;

	spread_init(&spread, o->wish.tx_queues > 0 ? o->wish.tx_queues : l->queues);
	for (uint32_t flow = 0; flow < l->flows; flow++) {
		uint16_t port = flow % l->port_count;
		uint16_t queue = 0;

		if (o->spread == SPREAD_TOEPLITZ)
			queue = spread_queue(&spread,
					spread_hash(o->src_ip, o->dst_ip,
							(uint16_t)(SPREAD_FIRST_PORT + flow),
							LINK_UDP_PORT));
		l->lane_of[flow] = port * l->queues + queue;
	}
}

void
link_set_peer(struct link *l, uint16_t port_index, const struct rte_ether_addr *mac)
{
	l->ends[port_index].dst_mac = *mac;
	frame_template_init(&l->templates[port_index], &l->ends[port_index], (uint16_t)l->size);
	l->other_templates[port_index] = l->templates[port_index];
}

int
link_begin(struct link *l, const struct link_options *o, const struct generator_options *g)
{
	uint16_t ports[PORT_MAX];
	int code;

	*l = (struct link){
			.flows = g->flows,
			.size = g->size,
			.queues = o->wish.queues,
			.burst = o->burst,
	};
	l->port_count = g->floor ? floor_port(ports) : ports_of_mask(o->port_mask, ports);
	if (l->port_count == 0)
		return EXIT_WRONG_USE;
	if (l->flows < l->port_count) {
		complain("--flows %u over %u ports: give at least one flow to each port", l->flows,
				l->port_count);
		return EXIT_WRONG_USE;
	}
	l->lane_count = l->port_count * l->queues;
	l->lanes = calloc(l->lane_count, sizeof(*l->lanes));
	l->lane_of = calloc(l->flows, sizeof(*l->lane_of));
	if (l->lanes == NULL || l->lane_of == NULL) {
		complain("no memory for %u flows: %s", l->flows, strerror(errno));
		return EXIT_FAILED;
	}
	code = start_ports(l, o, ports);
	if (code != EXIT_DONE)
		return code;
	make_lanes(l);
	route_flows(l, o);
	for (uint16_t i = 0; i < l->port_count; i++) {
		l->ends[i] = (struct frame_ends){
				.src_mac = l->ports[i].mac,
				.src_ip = o->src_ip,
				.dst_ip = o->dst_ip,
				.dst_port = LINK_UDP_PORT,
		};
		link_set_peer(l, i, &o->peer_mac);
	}
	return EXIT_DONE;
}

/* The loop within the program keeps what nobody takes from it, also when it is closed. */
static void
empty_loop(const struct port_state *port)
{
	struct rte_mbuf *frames[LINK_MAX_BURST];
	uint16_t n;

	for (uint16_t queue = 0; queue < port->queues; queue++)
		while ((n = rte_eth_rx_burst(port->port, queue, frames, LINK_MAX_BURST)) > 0)
			rte_pktmbuf_free_bulk(frames, n);
}

/* Adds the pool's balance to the statistics. net_af_xdp keeps the buffers of its fill queue. */
static int
report_balance(const struct link *l, const char *path)
{
	uint32_t in_use = rte_mempool_in_use_count(l->pool);
	struct named_count explained[] = {{"driver", 0}};
	struct stats *s = stats_extend(path);

	for (uint16_t i = 0; i < l->port_count; i++)
		if (strcmp(l->ports[i].driver, "net_af_xdp") == 0)
			explained[0].count = in_use;
	if (s != NULL)
		report_pool(s, l->pool, in_use, explained, RTE_DIM(explained));
	if (s != NULL && stats_close(s) == 0)
		return 0;
	complain("cannot add the packet buffers to --stats %s: %s", path, strerror(errno));
	return -1;
}

int
link_end(struct link *l, const char *stats)
{
	int result = 0;

	for (uint16_t i = 0; i < l->port_count; i++) {
		if (l->ports[i].queues == 0)
			continue;
		if (strcmp(l->ports[i].driver, "net_ring") == 0)
			empty_loop(&l->ports[i]);
		port_end(l->ports[i].port);
	}
	if (stats != NULL && l->pool != NULL)
		result = report_balance(l, stats);
	rte_mempool_free(l->pool);
	free(l->lanes);
	free(l->lane_of);
	l->pool = NULL;
	l->lanes = NULL;
	l->lane_of = NULL;
	return result;
}

bool
link_lost(const struct link *l)
{
	if (l->guard.tripped)
		complain("the other end went away while its port was polled, and %s took the "
			 "shared memory with it: did the forwarder die?",
				l->ports[0].driver);
	return l->guard.tripped;
}

struct rte_mbuf *
link_frame(struct link *l, uint32_t bytes, uint8_t **payload)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(l->pool);

	if (unlikely(m == NULL)) {
		l->pool_empty++;
		return NULL;
	}
	/* The pool's buffers hold any frame that the command line allows. */
	m->data_len = (uint16_t)(FRAME_HEADER_BYTES + bytes);
	m->pkt_len = m->data_len;
	*payload = rte_pktmbuf_mtod_offset(m, uint8_t *, FRAME_HEADER_BYTES);
	return m;
}

void
link_finish(struct link *l, struct rte_mbuf *m, uint32_t flow)
{
	uint16_t port_index = l->lanes[l->lane_of[flow]].port_index;
	uint16_t bytes = (uint16_t)(rte_pktmbuf_data_len(m) - FRAME_HEADER_BYTES);
	struct frame_template *t = &l->templates[port_index];

	if (unlikely(bytes != t->payload_bytes)) {
		t = &l->other_templates[port_index];
		if (bytes != t->payload_bytes)
			frame_template_init(t, &l->ends[port_index], bytes);
	}
	frame_finish(rte_pktmbuf_mtod(m, uint8_t *), t, (uint16_t)(SPREAD_FIRST_PORT + flow));
}

uint16_t
link_send(struct link *l, struct lane *lane, struct rte_mbuf **frames, uint16_t n)
{
	uint64_t bytes = 0;
	uint16_t sent;

	/* What the driver has taken must not be looked at any more. */
	for (uint16_t i = 0; i < n; i++)
		bytes += rte_pktmbuf_pkt_len(frames[i]);
	driver_enter(&l->guard);
	sent = rte_eth_tx_burst(lane->port, lane->queue, frames, n);
	driver_leave(&l->guard);
	if (unlikely(sent < n)) {
		lane->tx_full++;
		for (uint16_t i = sent; i < n; i++)
			bytes -= rte_pktmbuf_pkt_len(frames[i]);
	}
	lane->counts.tx_packets += sent;
	lane->counts.tx_bytes += bytes;
	return sent;
}

bool
link_read(const struct link *l, struct lane *lane, struct rte_mbuf *m, struct frame *f,
		uint32_t *flow)
{
	const struct frame_ends *ends = &l->ends[lane->port_index];
	enum frame_error error = frame_read(
			f, rte_pktmbuf_mtod(m, const uint8_t *), rte_pktmbuf_data_len(m));

	lane->counts.rx_packets++;
	lane->counts.rx_bytes += rte_pktmbuf_pkt_len(m);
	if (unlikely(error != FRAME_OK)) {
		lane->drops[error]++;
		return false;
	}
	*flow = (uint32_t)f->src_port - SPREAD_FIRST_PORT;
	if (likely(f->src_ip == ends->src_ip && f->dst_ip == ends->dst_ip &&
			    f->dst_port == ends->dst_port && *flow < l->flows))
		return true;
	lane->drops[LINK_FOREIGN]++;
	return false;
}

static void
report_lane(struct stats *s, const struct link *l, const struct lane *lane)
{
	struct named_count drops[LINK_DROPS];
	char mac[RTE_ETHER_ADDR_FMT_SIZE];
	unsigned int n = 0;

	/* The first value of frame_error says that nothing was wrong. */
	for (int reason = FRAME_OK + 1; reason < LINK_DROPS; reason++)
		drops[n++] = (struct named_count){
				link_drop_name((enum link_drop)reason), lane->drops[reason]};
	report_queue_begin(s, &l->ports[lane->port_index], lane->queue, &lane->counts);
	rte_ether_format_addr(mac, sizeof(mac), &l->ends[lane->port_index].dst_mac);
	stats_string(s, "peer_mac", mac);
	stats_count(s, "probes", lane->probes);
	stats_count(s, "tx_full", lane->tx_full);
	report_reasons(s, "drops", drops, n);
	stats_object_end(s);
}

static void
report_received(struct stats *s, const struct link *l, uint64_t taken)
{
	struct named_count drops[LINK_RECEIVED_DROPS] = {0};
	unsigned int n = 0;
	uint64_t in = 0, out = taken, dropped = 0;

	for (int reason = FRAME_OK + 1; reason < LINK_RECEIVED_DROPS; reason++) {
		drops[n].name = link_drop_name((enum link_drop)reason);
		for (uint16_t i = 0; i < l->lane_count; i++)
			drops[n].count += l->lanes[i].drops[reason];
		dropped += drops[n++].count;
	}
	for (uint16_t i = 0; i < l->lane_count; i++) {
		in += l->lanes[i].counts.rx_packets;
		out += l->lanes[i].probes;
	}
	report_accounting_reasons(s, in, out, dropped, drops, n);
}

void
link_report(struct stats *s, const struct link *l, uint64_t taken)
{
	stats_array_begin(s, "queues");
	for (uint16_t i = 0; i < l->lane_count; i++)
		report_lane(s, l, &l->lanes[i]);
	stats_array_end(s);
	report_received(s, l, taken);
}
