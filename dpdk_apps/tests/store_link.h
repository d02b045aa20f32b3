/* Two carriers of the store with a network in memory between them, in simulated time. */
#ifndef TESTS_STORE_LINK_H
#define TESTS_STORE_LINK_H

#include <errno.h>

#include "carrier.h"
#include "unit.h"

#define NET_QUEUE 4096
#define NET_US 1000u /* a tick is a nanosecond */
#define NET_LATENCY (5 * NET_US)
#define NET_MOST 1472 /* MTU 1500 */

struct net_packet {
	uint8_t *bytes;
	uint32_t n;
	uint64_t due;
};

struct net_end {
	struct carrier carrier; /* first */
	struct net_end *other;
	const uint64_t *now;
	struct net_packet queue[NET_QUEUE]; /* what comes here */
	uint32_t head, tail;
	uint32_t peer; /* as the other end sees this one */
	int refuse;    /* what send() returns instead */
	uint32_t high; /* the most that were ever under way */
};

static inline int
net_send(struct carrier *c, uint32_t peer, const struct iovec *parts, int count)
{
	struct net_end *from = (struct net_end *)c;
	struct net_end *to = from->other;
	struct net_packet *p = &to->queue[to->tail % NET_QUEUE];
	uint32_t at = 0;

	(void)peer;
	if (from->refuse != 0)
		return from->refuse;
	if (to->tail - to->head == NET_QUEUE)
		return -EAGAIN;
	p->bytes = malloc(c->most);
	assert_non_null(p->bytes);
	for (int i = 0; i < count; i++) {
		assert_true(at + parts[i].iov_len <= c->most);
		memcpy(p->bytes + at, parts[i].iov_base, parts[i].iov_len);
		at += (uint32_t)parts[i].iov_len;
	}
	/* Of exactly its size, so that ASan sees a byte too far. */
	p->bytes = realloc(p->bytes, at + (at == 0));
	assert_non_null(p->bytes);
	p->n = at;
	p->due = *from->now + NET_LATENCY;
	to->tail++;
	if (to->tail - to->head > to->high)
		to->high = to->tail - to->head;
	return 0;
}

static inline uint32_t
net_poll(struct carrier *c, carrier_take *take, void *self)
{
	struct net_end *e = (struct net_end *)c;
	uint32_t came = 0;

	while (e->head != e->tail && e->queue[e->head % NET_QUEUE].due <= *e->now) {
		struct net_packet p = e->queue[e->head++ % NET_QUEUE];

		take(self, e->other->peer, p.bytes, p.n, *e->now);
		free(p.bytes);
		came++;
	}
	return came;
}

static const struct carrier_calls net_calls = {.send = net_send, .poll = net_poll};

static inline void
net_link(struct net_end ends[2], const uint64_t *now)
{
	for (uint32_t i = 0; i < 2; i++) {
		ends[i].carrier = (struct carrier){
				.calls = &net_calls, .most = NET_MOST, .window = 64};
		ends[i].other = &ends[1 - i];
		ends[i].now = now;
		ends[i].peer = 7 + i;
	}
}

/* All that is under way is lost. */
static inline void
net_lose(struct net_end ends[2])
{
	for (int i = 0; i < 2; i++)
		while (ends[i].head != ends[i].tail)
			free(ends[i].queue[ends[i].head++ % NET_QUEUE].bytes);
}

#endif
