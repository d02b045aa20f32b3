/* Faults of the network as tests and experiments ask for them. */
#include "store_net.h"

/* What came, in its order. */
struct arrivals {
	uint32_t count;
	uint32_t damaged; /* with another byte than was sent */
	uint32_t shorter;
	uint8_t first[1000];
};

static void
arrive(void *self, uint32_t peer, const uint8_t *packet, uint32_t n, uint64_t tick)
{
	struct arrivals *a = self;

	(void)tick;
	assert_int_equal(peer, 7);
	assert_true(a->count < sizeof(a->first));
	a->first[a->count++] = n > 0 ? packet[0] : 0xff;
	a->shorter += n < 40;
	for (uint32_t i = 1; i < n; i++)
		a->damaged += packet[i] != packet[0];
}

/* Sends packets 0 to `count` - 1 through a shim with this plan; those that came in `a`. */
static struct fault_counts
through(const struct fault_plan *plan, uint8_t count, struct arrivals *a)
{
	struct net *n = net_make(1, plan);
	struct fault_counts done;

	memset(a, 0, sizeof(*a));
	for (uint8_t i = 0; i < count; i++) {
		uint8_t packet[40];
		const struct iovec parts[2] = {{.iov_base = packet, .iov_len = 10},
				{.iov_base = packet + 10, .iov_len = 30}};

		memset(packet, i, sizeof(packet));
		assert_int_equal(n->carriers[0]->calls->send(n->carriers[0], 8, parts, 2), 0);
	}
	for (int i = 0; i < 100; i++) {
		n->now += NET_US;
		(void)n->carriers[0]->calls->poll(n->carriers[0], arrive, a);
		(void)n->carriers[1]->calls->poll(n->carriers[1], arrive, a);
	}
	done = fault_counts_out(n->faults[0]);
	net_end(n);
	return done;
}

static void
exactly_the_nth_packet_meets_its_fault(void **state)
{
	static const uint8_t orders[FAULT_KINDS][8] = {
			[FAULT_DROP] = {0, 1, 3, 4, 5, 6},
			[FAULT_DELAY] = {0, 1, 3, 4, 5, 6, 2},
			[FAULT_CORRUPT] = {0, 1, 2, 3, 4, 5, 6},
			[FAULT_TRUNCATE] = {0, 1, 2, 3, 4, 5, 6},
	};
	struct arrivals a;

	(void)state;
	for (int kind = 0; kind < FAULT_KINDS; kind++) {
		struct fault_plan plan = {.delay = 20 * NET_US};
		struct fault_counts done;
		uint32_t expected = kind == FAULT_DROP ? 6 : kind == FAULT_DUPLICATE ? 8 : 7;
		uint32_t where = 0;

		plan.exactly[kind] = 3;
		done = through(&plan, 7, &a);
		assert_int_equal(a.count, expected);
		assert_int_equal(done.packets, 7);
		for (int other = 0; other < FAULT_KINDS; other++)
			assert_int_equal(done.done[other], other == kind);
		assert_int_equal(a.damaged > 0, kind == FAULT_CORRUPT);
		assert_int_equal(a.shorter, kind == FAULT_TRUNCATE);
		while (where < a.count && a.first[where] != 2)
			where++;
		if (kind == FAULT_REORDER)
			assert_in_range(where, 3, 5);
		else if (kind == FAULT_DUPLICATE)
			assert_int_equal(a.first[2], 2);
		else if (kind != FAULT_CORRUPT && kind != FAULT_TRUNCATE)
			assert_memory_equal(a.first, orders[kind], expected);
		assert_true(strlen(fault_kind_names[kind]) > 3);
	}
}

static void
the_same_seed_does_the_same(void **state)
{
	const struct fault_plan plan = {.chance = {[FAULT_DROP] = 0.2,
							[FAULT_DUPLICATE] = 0.2,
							[FAULT_REORDER] = 0.2,
							[FAULT_DELAY] = 0.1,
							[FAULT_CORRUPT] = 0.1,
							[FAULT_TRUNCATE] = 0.1},
			.delay = 30 * NET_US};
	struct arrivals a;
	struct arrivals b;
	struct fault_counts first = through(&plan, 200, &a);
	struct fault_counts second = through(&plan, 200, &b);

	(void)state;
	assert_memory_equal(&first, &second, sizeof(first));
	assert_memory_equal(&a, &b, sizeof(a));
	assert_in_range(first.done[FAULT_DROP], 15, 60);
	assert_in_range(first.done[FAULT_TRUNCATE], 8, 40);
	assert_int_equal(a.count, 200 + first.done[FAULT_DUPLICATE] - first.done[FAULT_DROP] -
						  first.overflow);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(exactly_the_nth_packet_meets_its_fault),
			cmocka_unit_test(the_same_seed_does_the_same),
	};

	return cmocka_run_group_tests_name("store_fault", tests, NULL, NULL);
}
