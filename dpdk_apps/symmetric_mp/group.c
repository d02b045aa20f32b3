#include "group.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <time.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_memzone.h>

#include "lifecycle.h"

#define ZONE_NAME "symmetric_mp_group"
#define MAGIC UINT64_C(0x70756f7267706d73)
/* Changes with the layout of `struct group`. */
#define VERSION 1
#define START_TIME_FIELD 22

/* The start time of a process, in the kernel's ticks since boot; 0 if there is no such process. */
static uint64_t
start_time(uint32_t pid)
{
	char path[32];
	char text[1024];
	char *at;
	FILE *stat;
	size_t length;

	(void)snprintf(path, sizeof(path), "/proc/%" PRIu32 "/stat", pid);
	stat = fopen(path, "r");
	if (stat == NULL)
		return 0;
	length = fread(text, 1, sizeof(text) - 1, stat);
	(void)fclose(stat);
	text[length] = '\0';
	/* The program's name (field 2) may hold anything, but its bracket is the last one. */
	at = strrchr(text, ')');
	for (int field = 2; at != NULL && field < START_TIME_FIELD; field++)
		at = strchr(at + 1, ' ');
	return at != NULL ? strtoull(at + 1, NULL, 10) : 0;
}

static uint64_t
claim_of(uint32_t pid)
{
	return (uint64_t)pid << 32 | (uint32_t)start_time(pid);
}

static uint32_t
claimant(uint64_t claim)
{
	return (uint32_t)(claim >> 32);
}

static bool
is_alive(uint64_t claim)
{
	return claim != 0 && claim == claim_of(claimant(claim));
}

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

static bool
claim_queue(struct group *g, uint16_t proc_id)
{
	uint64_t *claim = &g->claims[proc_id];
	uint64_t holder = __atomic_load_n(claim, __ATOMIC_ACQUIRE);
	uint64_t mine = claim_of((uint32_t)getpid());

	while (!is_alive(holder))
		if (__atomic_compare_exchange_n(claim, &holder, mine, false, __ATOMIC_ACQ_REL,
				    __ATOMIC_ACQUIRE))
			return true;
	complain("--proc-id %u belongs to process %" PRIu32
		 " already, which still runs: give each process of the group an id of its own",
			proc_id, claimant(holder));
	return false;
}

bool
group_claim(struct group *g, uint16_t proc_id, unsigned int lcore)
{
	if (!claim_queue(g, proc_id))
		return false;
	/* Written before the others are read: of two that start at once, at least one sees the
	 * other. */
	__atomic_store_n(&g->lcores[proc_id], lcore + 1, __ATOMIC_SEQ_CST);
	for (uint16_t i = 0; i < g->num_procs; i++) {
		uint64_t claim = __atomic_load_n(&g->claims[i], __ATOMIC_SEQ_CST);

		if (i == proc_id || __atomic_load_n(&g->lcores[i], __ATOMIC_SEQ_CST) != lcore + 1 ||
				!is_alive(claim))
			continue;
		complain("lcore id %u is that of process %" PRIu32
			 " (--proc-id %u) too, and two processes on one id corrupt the packet "
			 "buffers: give each an id of its own, such as --lcores %u@CPU",
				lcore, claimant(claim), i, lcore + 1);
		group_release(g, proc_id);
		return false;
	}
	return true;
}

void
group_release(struct group *g, uint16_t proc_id)
{
	__atomic_store_n(&g->lcores[proc_id], 0, __ATOMIC_RELEASE);
	__atomic_store_n(&g->claims[proc_id], 0, __ATOMIC_RELEASE);
}

static int64_t
now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* True once the process behind `claim` has ended. */
static bool
wait_end(uint64_t claim, int64_t deadline)
{
	struct pollfd process = {.fd = pidfd_open((pid_t)claimant(claim), 0), .events = POLLIN};
	int64_t left = deadline - now_ms();
	bool ended;

	if (process.fd < 0)
		return !is_alive(claim);
	ended = !is_alive(claim) || poll(&process, 1, left > 0 ? (int)left : 0) > 0;
	(void)close(process.fd);
	return ended;
}

bool
group_wait_others(struct group *g, uint16_t proc_id, unsigned int timeout_ms)
{
	int64_t deadline = now_ms() + timeout_ms;

	for (uint16_t i = 0; i < g->num_procs; i++) {
		uint64_t claim = __atomic_load_n(&g->claims[i], __ATOMIC_ACQUIRE);

		if (i == proc_id || !is_alive(claim) || wait_end(claim, deadline))
			continue;
		complain("process %" PRIu32 " (--proc-id %u) still uses the ports: stop the "
			 "secondaries before their primary",
				claimant(claim), i);
		return false;
	}
	return true;
}
