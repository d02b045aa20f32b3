#include "port.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_string_fns.h>

#include "lifecycle.h"

/* Some drivers (memif among them) never report a link event: they are asked this often. */
#define LINK_LOOK_MS 5
/* net_af_xdp fills its own ring of this many buffers for each queue and does not start with fewer.
 */
#define AF_XDP_STOCK 4096
/* net_tap passes the descriptors of all its queues, both ways, to each other process in one message
 * of the EAL's, which holds eight; with more it crashes. */
#define TAP_MAX_SHARED 4
/* Ethernet header and check sequence. */
#define FRAME_OVERHEAD ((uint32_t)(RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN))

static int
driver_info(uint16_t port, struct rte_eth_dev_info *info)
{
	int error = rte_eth_dev_info_get(port, info);

	if (error != 0)
		complain("port %u tells nothing about itself: %s", port, rte_strerror(-error));
	return error;
}

uint16_t
ports_of_mask(uint64_t mask, uint16_t ports[PORT_MAX])
{
	uint16_t count = 0;

	for (uint16_t port = 0; port < PORT_MAX; port++) {
		if ((mask & (UINT64_C(1) << port)) == 0)
			continue;
		if (!rte_eth_dev_is_valid_port(port)) {
			complain("-p 0x%" PRIx64 " names port %u, but there are %u ports: see "
				 "DPDK's lines above, check --vdev "
				 "and -a, or change the mask",
					mask, port, rte_eth_dev_count_avail());
			return 0;
		}
		ports[count++] = port;
	}
	return count;
}

static bool
one_process_only(const char *driver)
{
	return strcmp(driver, "net_af_packet") == 0 || strcmp(driver, "net_af_xdp") == 0;
}

/* net_tap refuses another number of receive queues than of send queues. */
static bool
wants_pairs(const char *driver)
{
	return strcmp(driver, "net_tap") == 0;
}

bool
port_can(uint16_t port, uint16_t queues, bool shared)
{
	struct rte_eth_dev_info info;

	if (driver_info(port, &info) != 0)
		return false;
	if (shared && one_process_only(info.driver_name)) {
		complain("port %u: %s receives and sends in one process only: use one process, or "
			 "memif, tap or a NIC for several",
				port, info.driver_name);
		return false;
	}
	if (shared && wants_pairs(info.driver_name) && queues > TAP_MAX_SHARED) {
		complain("port %u: %s shares at most %d queues with other processes, %u are "
			 "needed: start fewer",
				port, info.driver_name, TAP_MAX_SHARED, queues);
		return false;
	}
	if (queues <= info.max_rx_queues && queues <= info.max_tx_queues)
		return true;
	complain("port %u (%s) has %u receive and %u send queues, %u of each are needed, one for "
		 "each process: start fewer, or give the device more queues",
			port, info.driver_name, info.max_rx_queues, info.max_tx_queues, queues);
	return false;
}

static void
count_queues(const struct port_wish *wish, const char *driver, uint16_t *rx, uint16_t *tx)
{
	*rx = wish->queues;
	*tx = wish->tx_queues > 0 ? wish->tx_queues : wish->queues;
	if (wants_pairs(driver))
		*rx = *tx = RTE_MAX(*rx, *tx);
}

uint32_t
port_mbufs(uint16_t port, const struct port_wish *wish)
{
	struct rte_eth_dev_info info;
	uint16_t rx, tx;

	if (driver_info(port, &info) != 0)
		return 0; /* said; port_start() will fail */
	count_queues(wish, info.driver_name, &rx, &tx);
	return (uint32_t)rx * wish->rx_desc + (uint32_t)tx * wish->tx_desc +
	       (strcmp(info.driver_name, "net_af_xdp") == 0 ? rx * AF_XDP_STOCK : 0);
}

/* Spreading by address and, where the driver can, by UDP port; 0 if it cannot spread. */
static uint64_t
spreadable(const struct rte_eth_dev_info *info, uint16_t queues)
{
	if (queues < 2)
		return 0;
	return (RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_UDP) & info->flow_type_rss_offloads;
}

static int
set_up_queues(uint16_t port, const struct rte_eth_dev_info *info, const struct port_state *state,
		struct rte_mempool *pool)
{
	int socket = rte_eth_dev_socket_id(port);
	struct rte_eth_rxconf rx = info->default_rxconf;
	struct rte_eth_txconf tx = info->default_txconf;
	int error = 0;

	for (uint16_t queue = 0; queue < state->queues && error == 0; queue++)
		error = rte_eth_rx_queue_setup(
				port, queue, state->rx_desc, (unsigned int)socket, &rx, pool);
	for (uint16_t queue = 0; queue < state->tx_queues && error == 0; queue++)
		error = rte_eth_tx_queue_setup(
				port, queue, state->tx_desc, (unsigned int)socket, &tx);
	return error;
}

static int
configure(uint16_t port, const struct rte_eth_dev_info *info, const struct port_wish *wish,
		struct rte_mempool *pool, struct port_state *state)
{
	struct rte_eth_conf conf = {0};
	int error;

	/* Drivers over a kernel interface (af_packet) know no such setting: it has its MTU already.
	 */
	if (wish->mtu > 0 && info->max_rx_pktlen >= wish->mtu + FRAME_OVERHEAD)
		conf.rxmode.mtu = wish->mtu;

	conf.rx_adv_conf.rss_conf.rss_hf = spreadable(info, state->queues);
	if (conf.rx_adv_conf.rss_conf.rss_hf != 0) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		state->spreads = true;
	}
	conf.intr_conf.lsc = (*info->dev_flags & RTE_ETH_DEV_INTR_LSC) != 0;
	error = rte_eth_dev_configure(port, state->queues, state->tx_queues, &conf);
	if (error == 0)
		error = rte_eth_dev_adjust_nb_rx_tx_desc(port, &state->rx_desc, &state->tx_desc);
	if (error == 0)
		error = set_up_queues(port, info, state, pool);
	if (error == 0)
		error = rte_eth_dev_start(port);
	return error;
}

int
port_start(uint16_t port, const struct port_wish *wish, struct rte_mempool *pool,
		struct port_state *state)
{
	struct rte_eth_dev_info info;
	int error;

	if (driver_info(port, &info) != 0)
		return -1;
	*state = (struct port_state){
			.port = port,
			.rx_desc = wish->rx_desc,
			.tx_desc = wish->tx_desc,
	};
	(void)rte_strscpy(state->driver, info.driver_name, sizeof(state->driver));
	count_queues(wish, info.driver_name, &state->queues, &state->tx_queues);
	error = configure(port, &info, wish, pool, state);
	if (error != 0) {
		complain("port %u (%s) does not start with %u/%u queues of %u/%u descriptors: %s",
				port, state->driver, state->queues, state->tx_queues,
				state->rx_desc, state->tx_desc, rte_strerror(-error));
		return -1;
	}
	/* Frames come with an address of the experiment's choosing. memif takes all of them and
	 * knows no such mode. */
	error = rte_eth_promiscuous_enable(port);
	if (error != 0 && error != -ENOTSUP)
		complain("port %u (%s) takes only frames to its own address: %s", port,
				state->driver, rte_strerror(-error));
	error = rte_eth_macaddr_get(port, &state->mac);
	if (error != 0) {
		complain("port %u (%s) has no MAC address: %s", port, state->driver,
				rte_strerror(-error));
		return -1;
	}
	complain("port %u: %s, " RTE_ETHER_ADDR_PRT_FMT ", %u/%u queues of %u/%u descriptors, "
		 "flows spread by %s",
			port, state->driver, RTE_ETHER_ADDR_BYTES(&state->mac), state->queues,
			state->tx_queues, state->rx_desc, state->tx_desc,
			state->spreads ? "the device" : "the sender's queue");
	return 0;
}

static int
on_link_change(uint16_t port, enum rte_eth_event_type event, void *wake, void *unused)
{
	uint64_t one = 1;

	RTE_SET_USED(port);
	RTE_SET_USED(event);
	RTE_SET_USED(unused);
	return write(*(int *)wake, &one, sizeof(one)) == sizeof(one) ? 0 : -1;
}

static bool
link_is_up(uint16_t port)
{
	struct rte_eth_link link;

	return rte_eth_link_get_nowait(port, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

static int
wait_link(uint16_t port, struct pollfd *wake, uint64_t deadline)
{
	while (!link_is_up(port)) {
		uint64_t events;

		if (lifecycle_stopping() || rte_get_timer_cycles() > deadline) {
			complain("port %u: the link did not come up: does the other end run? "
				 "(memif: "
				 "its server, which must start first)",
					port);
			return -1;
		}
		/* The counter only wakes; the link itself is asked again. */
		if (poll(wake, 1, LINK_LOOK_MS) > 0 && read(wake->fd, &events, sizeof(events)) < 0)
			return -1;
	}
	return 0;
}

int
ports_wait_link(const uint16_t *ports, uint16_t count, unsigned int timeout_ms)
{
	uint64_t deadline = rte_get_timer_cycles() + rte_get_timer_hz() * timeout_ms / 1000;
	struct pollfd wake = {.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .events = POLLIN};
	int result = 0;

	if (wake.fd < 0) {
		complain("no event to wait for links with: %s", strerror(errno));
		return -1;
	}
	(void)rte_eth_dev_callback_register(
			RTE_ETH_ALL, RTE_ETH_EVENT_INTR_LSC, on_link_change, &wake.fd);
	for (uint16_t i = 0; i < count && result == 0; i++)
		result = wait_link(ports[i], &wake, deadline);
	(void)rte_eth_dev_callback_unregister(
			RTE_ETH_ALL, RTE_ETH_EVENT_INTR_LSC, on_link_change, &wake.fd);
	(void)close(wake.fd);
	return result;
}

void
port_end(uint16_t port)
{
	int error;

	/* A kernel interface would stay in this mode after us. */
	(void)rte_eth_promiscuous_disable(port);
	error = rte_eth_dev_stop(port);
	if (error == 0)
		error = rte_eth_dev_close(port);
	if (error != 0)
		complain("port %u does not stop: %s", port, rte_strerror(-error));
}
