#include "dpdk_restart.h"

#include <rte_alarm.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_log.h>

/* Where the port starts well, its link is up soon after. Where it does not, as a memif client does
 * not without a server, it is stopped, and the owner tries again. */
static void
restart(void *self)
{
	struct dpdk_restart *r = self;

	(void)rte_eth_dev_stop(r->port);
	(void)rte_eth_dev_start(r->port);
	__atomic_store_n(&r->done, true, __ATOMIC_RELEASE);
}

bool
dpdk_restart_begin(struct dpdk_restart *r, uint16_t port)
{
	*r = (struct dpdk_restart){.port = port, .under_way = true};
	if (rte_eal_alarm_set(1, restart, r) != 0)
		r->under_way = false;
	return r->under_way;
}

bool
dpdk_restart_over(struct dpdk_restart *r)
{
	if (r->under_way && __atomic_load_n(&r->done, __ATOMIC_ACQUIRE))
		r->under_way = false;
	return !r->under_way;
}

bool
dpdk_restart_settle(struct dpdk_restart *r, unsigned int ms)
{
	while (!dpdk_restart_over(r) && ms-- > 0)
		rte_delay_us_sleep(1000);
	return !r->under_way;
}
