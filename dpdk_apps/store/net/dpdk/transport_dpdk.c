/* What DPDK is to transport.c. */
#define _GNU_SOURCE
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_log.h>

#include "dpdk_options.h"
#include "dpdk_report.h"
#include "eal.h"
#include "lifecycle.h"
#include "pool.h"
#include "program.h"

struct driver_options {
	struct arguments arguments; /* `eal` NULL: not split yet */
	struct dpdk_options dpdk;
};

struct driver {
	const struct driver_options *options;
	uint16_t begun; /* ports that are to be ended */
	struct dpdk_carrier carrier;
};

const char *const transport_name = "dpdk";
const bool driver_beside_eal = true;
const char *const driver_letters = "p:";

const struct option *
driver_option_table(enum transport_end end)
{
	return dpdk_options_table(end);
}

void
driver_help(enum transport_end end)
{
	dpdk_options_help(end);
}

struct driver_options *
driver_options_create(enum transport_end end)
{
	struct driver_options *o = calloc(1, sizeof(*o));

	if (o != NULL)
		dpdk_options_begin(&o->dpdk, end);
	return o;
}

void
driver_options_free(struct driver_options *o)
{
	if (o != NULL)
		arguments_free(&o->arguments);
	free(o);
}

int
driver_split(struct driver_options *o, int *argc, char ***argv)
{
	if (arguments_split(&o->arguments, *argc, *argv) != 0)
		return -1;
	*argc = o->arguments.app_count;
	*argv = o->arguments.app;
	return 0;
}

bool
driver_take(struct driver_options *o, int option, const char *text)
{
	return dpdk_options_take(&o->dpdk, option, text);
}

bool
driver_complete(struct driver_options *o)
{
	return dpdk_options_complete(&o->dpdk);
}

/* The MTU of the kernel's interface behind a port; 0: there is none. */
static uint32_t
kernel_mtu(uint16_t port, struct ifreq *interface)
{
	struct rte_eth_dev_info info;
	uint32_t mtu = 0;
	int fd;

	if (rte_eth_dev_info_get(port, &info) != 0 || info.if_index == 0 ||
			if_indextoname(info.if_index, interface->ifr_name) == NULL)
		return 0;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	if (ioctl(fd, SIOCGIFMTU, interface) == 0)
		mtu = (uint32_t)interface->ifr_mtu;
	(void)close(fd);
	return mtu;
}

/* Whether frames of the MTU fit through the port: larger ones would be lost without a word. */
static bool
carries(const struct dpdk_port *p, uint16_t mtu)
{
	struct ifreq interface = {0};
	uint32_t most;

	if (strcmp(p->state.driver, "net_memif") == 0 && mtu > POOL_USUAL_MTU) {
		complain("--mtu %u: port %u is net_memif's, which carries %d: use --mtu %d", mtu,
				p->state.port, POOL_USUAL_MTU, POOL_USUAL_MTU);
		return false;
	}
	most = kernel_mtu(p->state.port, &interface);
	if (most == 0 || mtu <= most)
		return true;
	complain("--mtu %u: interface %s behind port %u carries %u: ip link set %s mtu %u at both "
		 "ends, or use --mtu %u",
			mtu, interface.ifr_name, p->state.port, most, interface.ifr_name, mtu,
			most);
	return false;
}

static int
begin_ports(struct driver *d, const struct dpdk_options *o)
{
	uint16_t ports[PORT_MAX];
	uint16_t count = ports_of_mask(o->port_mask, ports);

	if (count == 0)
		return EXIT_WRONG_USE;
	burst_guard_begin(&d->carrier.guard);
	while (d->begun < count) {
		struct dpdk_port *p = &d->carrier.ports[d->begun];
		int code = dpdk_port_begin(p, ports[d->begun++], &o->wish, &d->carrier.guard);

		if (code != EXIT_DONE)
			return code;
		if (!carries(p, o->wish.mtu))
			return EXIT_WRONG_USE;
	}
	/* A port that is brought back tries until there is another end; each try would be an error
	 * of its own to the driver. */
	(void)rte_log_set_level_pattern("pmd.net.memif", RTE_LOG_CRIT);
	if (o->end == TRANSPORT_SERVER)
		dpdk_carrier_begin(&d->carrier, count, o->ip, o->server.udp, NULL, o->wish.mtu);
	else
		dpdk_carrier_begin(
				&d->carrier, count, o->ip, o->client_udp, &o->server, o->wish.mtu);
	return EXIT_DONE;
}

struct driver *
driver_open(const struct driver_options *o, int *code)
{
	struct driver *d = calloc(1, sizeof(*d));

	*code = EXIT_FAILED;
	if (d == NULL) {
		complain("out of memory");
		return NULL;
	}
	d->options = o;
	*code = program_eal_begin("the store", true, &o->arguments);
	if (*code != EXIT_DONE) {
		free(d);
		return NULL;
	}
	*code = begin_ports(d, &o->dpdk);
	if (*code == EXIT_DONE)
		return d;
	driver_close(d);
	return NULL;
}

void
driver_close(struct driver *d)
{
	bool all = true;

	for (uint16_t i = 0; i < d->begun; i++)
		all = dpdk_port_end(&d->carrier.ports[i]) && all;
	burst_guard_end(&d->carrier.guard);
	/* What is still in use by DPDK's own thread stays until the process ends. */
	if (!all)
		return;
	eal_end(&d->options->arguments);
	free(d);
}

struct carrier *
driver_carrier(struct driver *d)
{
	return &d->carrier.carrier;
}

uint32_t
driver_peer(const struct driver *d)
{
	return d->carrier.server_peer;
}

bool
driver_connected(const struct driver *d)
{
	return dpdk_carrier_connected(&d->carrier);
}

void
driver_report(const struct driver *d, struct stats *s)
{
	dpdk_report(&d->carrier, d->options->dpdk.wish.mtu, s);
}
