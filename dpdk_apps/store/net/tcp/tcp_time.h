/* Times of connections: to wait for one, and how old it may get. */
#ifndef STORE_TCP_TIME_H
#define STORE_TCP_TIME_H

#include <stdint.h>
#include <time.h>

#define TCP_MS UINT64_C(1000000)

static inline uint64_t
tcp_now_ns(void)
{
	struct timespec now = {0};

	/* Fails for no clock that every Linux has. */
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

#endif
