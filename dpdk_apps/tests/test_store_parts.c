/* What the store's protocol is made of: fragments, waits, faults. */
#include "fragments.h"
#include "rto.h"
#include "store_net.h"

#define PART 100

static struct sending s;
static uint8_t bytes[PACKET_FRAGMENTS_MAX * PART];

static void
send_all(void)
{
	int index;

	while ((index = sending_next(&s)) >= 0)
		(void)sending_sent(&s, (uint16_t)index);
}

static void
set(uint8_t *bitmap, uint32_t index)
{
	bitmap[index / 8] |= (uint8_t)(1u << index % 8);
}

static void
fragments_are_cut_where_they_end(void **state)
{
	struct packet p = {.type = PACKET_REQUEST};

	(void)state;
	for (uint32_t total = 0; total < 5 * PART; total++) {
		uint32_t sum = 0;

		sending_start(&s, bytes, total, PART);
		assert_int_equal(s.count, total == 0 ? 1 : (total + PART - 1) / PART);
		for (uint16_t i = 0; i < s.count; i++) {
			assert_int_equal(sending_next(&s), i);
			sending_fill(&s, i, &p);
			assert_int_equal(p.offset, sum);
			assert_ptr_equal(p.payload, bytes + sum);
			assert_true(fragment_fits(&p, PART, 5 * PART));
			sum += p.length;
			assert_false(sending_sent(&s, i));
		}
		assert_int_equal(sum, total);
		assert_int_equal(sending_next(&s), -1);
	}
}

static void
what_was_overtaken_is_sent_again_and_nothing_else(void **state)
{
	uint8_t bitmap[PACKET_BITMAP_BYTES_MAX] = {0};

	(void)state;
	sending_start(&s, bytes, 20 * PART, PART);
	send_all();
	assert_int_equal(s.flight, 20);
	/* 0, 1 and 10 came: 2 to 6 were overtaken by more than three, 7 to 9 may be late. */
	set(bitmap, 0);
	set(bitmap, 1);
	set(bitmap, 10);
	assert_int_equal(sending_progress(&s, bitmap, 20, FRAGMENTS_REORDER), 3);
	assert_int_equal(s.lost, 5);
	assert_int_equal(s.flight, 12);
	assert_int_equal(sending_progress(&s, bitmap, 20, FRAGMENTS_REORDER), 0);
	assert_int_equal(s.lost, 5);
	for (uint16_t i = 2; i < 7; i++) {
		assert_int_equal(sending_next(&s), i);
		assert_true(sending_sent(&s, i));
	}
	assert_int_equal(sending_next(&s), -1);
	/* What was sent again is not lost because of what came before that. */
	set(bitmap, 19);
	assert_int_equal(sending_progress(&s, bitmap, 20, 0), 1);
	assert_int_equal(s.lost, 11); /* 7 to 9, 11 to 18 */
	/* One that counted as lost comes after all. */
	set(bitmap, 7);
	assert_int_equal(sending_progress(&s, bitmap, 20, 0), 1);
	assert_int_equal(s.lost, 10);
	assert_int_equal(s.flight, 5);
	/* Another count, or fragments that were never sent, tell nothing. */
	memset(bitmap, 0xff, sizeof(bitmap));
	assert_int_equal(sending_progress(&s, bitmap, 21, 0), 0);
	sending_start(&s, bytes, 20 * PART, PART);
	assert_int_equal(sending_progress(&s, bitmap, 20, 0), 0);
	assert_int_equal(sending_next(&s), 0);
}

static void
a_timeout_and_a_forgetful_receiver_send_again(void **state)
{
	uint8_t bitmap[PACKET_BITMAP_BYTES_MAX] = {0};
	uint32_t order;

	(void)state;
	sending_start(&s, bytes, sizeof(bytes), PART);
	assert_int_equal(s.count, PACKET_FRAGMENTS_MAX);
	for (uint16_t i = 0; i < 10; i++)
		(void)sending_sent(&s, i);
	order = s.order;
	for (uint16_t i = 10; i < 20; i++)
		(void)sending_sent(&s, i);
	sending_late(&s, order);
	assert_int_equal(s.lost, 10);
	assert_int_equal(s.flight, 10);
	send_all();
	assert_int_equal(s.flight, PACKET_FRAGMENTS_MAX);
	memset(bitmap, 0xff, sizeof(bitmap) - 1);
	assert_int_equal(sending_progress(&s, bitmap, PACKET_FRAGMENTS_MAX, 3),
			PACKET_FRAGMENTS_MAX - 8);
	assert_int_equal(s.flight, 8);
	sending_restart(&s);
	assert_int_equal(s.flight, 0);
	assert_int_equal(s.lost, PACKET_FRAGMENTS_MAX);
	send_all();
	memset(bitmap, 0xff, sizeof(bitmap));
	assert_int_equal(sending_progress(&s, bitmap, PACKET_FRAGMENTS_MAX, 3),
			PACKET_FRAGMENTS_MAX);
	assert_int_equal(s.flight, 0);
	assert_int_equal(s.came, PACKET_FRAGMENTS_MAX);
}

static void
every_order_gives_the_whole(void **state)
{
	static struct receiving r;
	static uint8_t got[7 * PART];
	uint8_t bitmap[PACKET_BITMAP_BYTES_MAX];
	struct packet p = {.type = PACKET_ANSWER};
	uint32_t total = 6 * PART + 1;

	(void)state;
	for (uint32_t i = 0; i < total; i++)
		bytes[i] = (uint8_t)mix64(i);
	for (uint64_t order = 0; order < 200; order++) {
		uint32_t came = 0;

		sending_start(&s, bytes, total, PART);
		memset(got, 0, sizeof(got));
		r.count = 0;
		for (uint64_t step = 0; came < 7; step++) {
			enum receiving_result result;

			sending_fill(&s, (uint16_t)(mix64(order * 1000 + step) % 7), &p);
			if (r.count == 0)
				receiving_start(&r, got, &p, PART);
			result = receiving_add(&r, &p);
			came += result == RECEIVING_WAITS || result == RECEIVING_WHOLE;
			assert_int_equal(result == RECEIVING_WHOLE,
					came == 7 && result != RECEIVING_REPEATED);
			assert_int_equal(receiving_bitmap(&r, bitmap), 1);
			assert_int_equal(__builtin_popcount(bitmap[0]), came);
		}
		assert_memory_equal(got, bytes, total);
	}
	p.total++;
	assert_int_equal(receiving_add(&r, &p), RECEIVING_REFUSED);
}

static void
waits_follow_round_trips(void **state)
{
	struct rto r = {.floor = 100, .ceiling = 100000, .first = 5000, .random = 1};
	struct rto other = {.floor = 100, .ceiling = 100000, .first = 5000, .random = 2};
	uint32_t differ = 0;

	(void)state;
	assert_in_range(rto_wait(&r, 0), 5000, 6250);
	rto_sample(&r, 1000);
	assert_int_equal(r.srtt, 1000);
	assert_int_equal(r.rttvar, 500);
	assert_in_range(rto_wait(&r, 0), 3000, 3750);
	assert_in_range(rto_wait(&r, 3), 24000, 30000);
	assert_in_range(rto_wait(&r, 200), 100000, 125000);
	for (int i = 0; i < 100; i++)
		rto_sample(&r, 10);
	assert_in_range(rto_wait(&r, 0), 100, 125);
	for (int i = 0; i < 100; i++)
		rto_sample(&r, 0);
	assert_true(r.srtt > 0);
	/* Clients that lost packets together do not ask together. */
	for (int i = 0; i < 100; i++)
		differ += rto_wait(&r, 3) != rto_wait(&other, 3);
	assert_true(differ > 50);
}

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
			cmocka_unit_test(fragments_are_cut_where_they_end),
			cmocka_unit_test(what_was_overtaken_is_sent_again_and_nothing_else),
			cmocka_unit_test(a_timeout_and_a_forgetful_receiver_send_again),
			cmocka_unit_test(every_order_gives_the_whole),
			cmocka_unit_test(waits_follow_round_trips),
			cmocka_unit_test(exactly_the_nth_packet_meets_its_fault),
			cmocka_unit_test(the_same_seed_does_the_same),
	};

	return cmocka_run_group_tests_name("store_parts", tests, NULL, NULL);
}
