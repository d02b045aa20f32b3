/* What the store's protocol is made of: fragments and waits. */
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(fragments_are_cut_where_they_end),
			cmocka_unit_test(what_was_overtaken_is_sent_again_and_nothing_else),
			cmocka_unit_test(a_timeout_and_a_forgetful_receiver_send_again),
			cmocka_unit_test(every_order_gives_the_whole),
			cmocka_unit_test(waits_follow_round_trips),
	};

	return cmocka_run_group_tests_name("store_parts", tests, NULL, NULL);
}
