#include "roster.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <time.h>
#include <unistd.h>

#include "lifecycle.h"

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
	/* A zombie holds its id, and nothing else. */
	if (at != NULL && (at[2] == 'Z' || at[2] == 'X'))
		return 0;
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

/* `before` is what stood there: 0, or the claim of a process that has ended. */
static bool
claim_place(struct roster *r, uint16_t place, const char *option, uint64_t *before)
{
	uint64_t *claim = &r->claims[place];
	uint64_t holder = __atomic_load_n(claim, __ATOMIC_ACQUIRE);
	uint64_t mine = claim_of((uint32_t)getpid());

	while (!is_alive(holder))
		if (__atomic_compare_exchange_n(claim, &holder, mine, false, __ATOMIC_ACQ_REL,
				    __ATOMIC_ACQUIRE)) {
			*before = holder;
			return true;
		}
	complain("%s %u belongs to process %" PRIu32
		 " already, which still runs: give each process of the group an id of its own",
			option, place, claimant(holder));
	return false;
}

bool
roster_claim(struct roster *r, uint16_t place, unsigned int lcore, const char *option)
{
	uint64_t claim_before;
	uint32_t lcore_before;

	if (!claim_place(r, place, option, &claim_before))
		return false;
	/* Written before the others are read: of two that start at once, at least one sees the
	 * other. */
	lcore_before = __atomic_exchange_n(&r->lcores[place], lcore + 1, __ATOMIC_SEQ_CST);
	for (uint16_t i = 0; i < ROSTER_PLACES; i++) {
		uint64_t claim = __atomic_load_n(&r->claims[i], __ATOMIC_SEQ_CST);

		if (i == place || __atomic_load_n(&r->lcores[i], __ATOMIC_SEQ_CST) != lcore + 1 ||
				!is_alive(claim))
			continue;
		complain("lcore id %u is that of process %" PRIu32
			 " (%s %u) too, and two processes on one id corrupt the packet buffers: "
			 "give each an id of its own, such as --lcores %u@CPU",
				lcore, claimant(claim), option, i, lcore + 1);
		/* The place is as it was: a death stays to be seen. The claim last: from then on
		 * another may take it. */
		__atomic_store_n(&r->lcores[place], lcore_before, __ATOMIC_RELEASE);
		__atomic_store_n(&r->claims[place], claim_before, __ATOMIC_RELEASE);
		return false;
	}
	return true;
}

void
roster_release(struct roster *r, uint16_t place)
{
	__atomic_store_n(&r->lcores[place], 0, __ATOMIC_RELEASE);
	__atomic_store_n(&r->claims[place], 0, __ATOMIC_RELEASE);
}

pid_t
roster_holder(const struct roster *r, uint16_t place)
{
	uint64_t claim = __atomic_load_n(&r->claims[place], __ATOMIC_ACQUIRE);

	return is_alive(claim) ? (pid_t)claimant(claim) : 0;
}

bool
roster_died(const struct roster *r, uint16_t place)
{
	uint64_t claim = __atomic_load_n(&r->claims[place], __ATOMIC_ACQUIRE);

	return claim != 0 && !is_alive(claim);
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
roster_wait_others(struct roster *r, uint16_t place, unsigned int timeout_ms, const char *option)
{
	int64_t deadline = now_ms() + timeout_ms;

	for (uint16_t i = 0; i < ROSTER_PLACES; i++) {
		uint64_t claim = __atomic_load_n(&r->claims[i], __ATOMIC_ACQUIRE);

		if (i == place || !is_alive(claim) || wait_end(claim, deadline))
			continue;
		complain("process %" PRIu32 " (%s %u) still uses the group's memory: stop the "
			 "secondaries before their primary",
				claimant(claim), option, i);
		return false;
	}
	return true;
}
