#include "unit.h"

#include "mix64.h"
#include "reassembly.h"

#define TOTAL 100
#define PART 30
#define COUNT 4
#define AGE 1000

static uint8_t whole[TOTAL];

/* Fragment `index` of message `seq`, whose body is `whole`. */
static struct record
part(uint32_t seq, uint16_t index)
{
	uint32_t offset = (uint32_t)index * PART;

	return (struct record){
			.type = RECORD_LARGE,
			.body = whole + offset,
			.length = (uint16_t)(TOTAL - offset < PART ? TOTAL - offset : PART),
			.seq = seq,
			.total = TOTAL,
			.offset = offset,
			.index = index,
			.count = COUNT,
	};
}

static int
make(void **state)
{
	for (size_t i = 0; i < TOTAL; i++)
		whole[i] = (uint8_t)(i * 7 + 3);
	*state = reassembly_create(2, TOTAL, AGE);
	return *state != NULL ? 0 : -1;
}

static int
remove_it(void **state)
{
	reassembly_destroy(*state);
	return 0;
}

static enum reassembly_result
add(void **state, uint32_t seq, uint16_t index, uint64_t now, const uint8_t **body)
{
	struct record r = part(seq, index);

	return reassembly_add(*state, &r, now, body);
}

/* All 24 orders of four fragments. */
static void
every_order_gives_the_whole(void **state)
{
	const uint8_t *body = NULL;
	uint32_t seq = 0;

	for (uint16_t a = 0; a < COUNT; a++)
		for (uint16_t b = 0; b < COUNT; b++)
			for (uint16_t c = 0; c < COUNT; c++) {
				uint16_t d = (uint16_t)(6 - a - b - c);

				if (a == b || a == c || b == c)
					continue;
				seq++;
				assert_int_equal(add(state, seq, a, 0, &body), REASSEMBLY_WAITS);
				assert_int_equal(add(state, seq, b, 0, &body), REASSEMBLY_WAITS);
				assert_int_equal(add(state, seq, c, 0, &body), REASSEMBLY_WAITS);
				assert_int_equal(add(state, seq, d, 0, &body), REASSEMBLY_WHOLE);
				assert_memory_equal(body, whole, TOTAL);
			}
	assert_int_equal(seq, 24);
	assert_int_equal(reassembly_counts(*state).whole, 24);
}

static void
repeated_fragments_are_left_alone(void **state)
{
	const uint8_t *body = NULL;

	assert_int_equal(add(state, 1, 2, 0, &body), REASSEMBLY_WAITS);
	assert_int_equal(add(state, 1, 2, 0, &body), REASSEMBLY_REPEATED);
	assert_int_equal(add(state, 1, 0, 0, &body), REASSEMBLY_WAITS);
	assert_int_equal(add(state, 1, 1, 0, &body), REASSEMBLY_WAITS);
	assert_int_equal(add(state, 1, 3, 0, &body), REASSEMBLY_WHOLE);
	/* And after the message was whole, which must not begin it anew. */
	assert_int_equal(add(state, 1, 3, 0, &body), REASSEMBLY_REPEATED);
	assert_int_equal(reassembly_counts(*state).repeated, 2);
	reassembly_expire(*state, UINT64_MAX);
	assert_int_equal(reassembly_counts(*state).given_up, 0);
}

/* One fragment is lost: its message is given up when it is too old, and says what it lacked. */
static void
a_lost_fragment_is_counted(void **state)
{
	const uint8_t *body = NULL;

	assert_int_equal(add(state, 1, 0, 10, &body), REASSEMBLY_WAITS);
	assert_int_equal(add(state, 1, 1, 10, &body), REASSEMBLY_WAITS);
	assert_int_equal(add(state, 1, 3, 10, &body), REASSEMBLY_WAITS);
	reassembly_expire(*state, 10 + AGE);
	assert_int_equal(reassembly_counts(*state).given_up, 0);
	reassembly_expire(*state, 11 + AGE);
	assert_int_equal(reassembly_counts(*state).given_up, 1);
	assert_int_equal(reassembly_counts(*state).missing, 1);
	assert_int_equal(reassembly_counts(*state).discarded, 3);
	/* It comes after all, and does not begin the message anew; a newer one in its place does.
	 */
	assert_int_equal(add(state, 1, 2, 12 + AGE, &body), REASSEMBLY_REPEATED);
	assert_int_equal(add(state, 3, 0, 12 + AGE, &body), REASSEMBLY_WAITS);
	reassembly_expire(*state, UINT64_MAX);
	assert_int_equal(reassembly_counts(*state).given_up, 2);
	assert_int_equal(reassembly_counts(*state).repeated, 1);
}

/* Room for two messages: a third one takes the place of the oldest. */
static void
memory_is_bounded(void **state)
{
	const uint8_t *body = NULL;
	struct record longer = part(9, 0);

	assert_int_equal(add(state, 1, 0, 1, &body), REASSEMBLY_WAITS);
	assert_int_equal(add(state, 2, 0, 2, &body), REASSEMBLY_WAITS);
	assert_int_equal(add(state, 3, 0, 3, &body), REASSEMBLY_WAITS);
	assert_int_equal(reassembly_counts(*state).given_up, 1);
	assert_int_equal(reassembly_counts(*state).missing, 3);
	/* What comes of the first one now is too late, and must not displace the third. */
	assert_int_equal(add(state, 1, 1, 3, &body), REASSEMBLY_REPEATED);
	for (uint16_t i = 1; i < COUNT; i++)
		assert_int_equal(add(state, 2, i, 4, &body),
				i + 1 < COUNT ? REASSEMBLY_WAITS : REASSEMBLY_WHOLE);
	longer.total = TOTAL + 1;
	assert_int_equal(reassembly_add(*state, &longer, 5, &body), REASSEMBLY_REFUSED);
	longer = part(9, 0);
	longer.count = REASSEMBLY_MAX_FRAGMENTS + 1;
	assert_int_equal(reassembly_add(*state, &longer, 5, &body), REASSEMBLY_REFUSED);
}

/* Fragments that would overlap others, or stand elsewhere, contradict the first that came. */
static void
overlaps_are_refused(void **state)
{
	const uint8_t *body = NULL;
	struct record r = part(1, 1);

	assert_int_equal(add(state, 1, 0, 0, &body), REASSEMBLY_WAITS);
	r.offset -= 5;
	assert_int_equal(reassembly_add(*state, &r, 0, &body), REASSEMBLY_REFUSED);
	r = part(1, 1);
	r.length -= 1;
	assert_int_equal(reassembly_add(*state, &r, 0, &body), REASSEMBLY_REFUSED);
	r = part(1, 3);
	r.offset -= 3;
	assert_int_equal(reassembly_add(*state, &r, 0, &body), REASSEMBLY_REFUSED);
	r = part(1, 1);
	r.count = COUNT + 1;
	assert_int_equal(reassembly_add(*state, &r, 0, &body), REASSEMBLY_REFUSED);
	r = part(1, 1);
	r.total -= 1;
	assert_int_equal(reassembly_add(*state, &r, 0, &body), REASSEMBLY_REFUSED);
	assert_int_equal(reassembly_counts(*state).refused, 5);
	/* None of them did harm. */
	for (uint16_t i = 1; i < COUNT; i++)
		(void)add(state, 1, i, 0, &body);
	assert_int_equal(reassembly_counts(*state).whole, 1);
	assert_memory_equal(body, whole, TOTAL);
}

/* Any numbers: nothing is written outside of the message (ASan looks on). */
static void
noise_is_survived(void **state)
{
	static uint8_t bytes[UINT16_MAX];
	uint64_t random = 2;

	for (uint32_t round = 0; round < 200000; round++) {
		const uint8_t *body = NULL;
		uint64_t a = random = mix64(random + MIX64_STEP);
		uint64_t b = random = mix64(random + MIX64_STEP);
		struct record r = {
				.type = RECORD_LARGE,
				.body = bytes,
				.length = (uint16_t)(a % 2 ? 30 : a >> 32),
				.seq = (uint32_t)(a >> 16) % 4,
				.total = (uint32_t)(b % 3 ? b % 120 : b >> 32),
				.index = (uint16_t)(a >> 48) % 5,
				.count = (uint16_t)(b >> 48) % 6,
		};

		r.offset = b % 5 ? (uint32_t)r.index * r.length : (uint32_t)(a >> 8);
		/* What record_read() lets through. */
		if (r.count == 0 || r.index >= r.count || r.length == 0 || r.offset >= r.total ||
				r.length > r.total - r.offset)
			continue;
		(void)reassembly_add(*state, &r, round, &body);
	}
	assert_true(reassembly_counts(*state).refused > 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test_setup_teardown(
					every_order_gives_the_whole, make, remove_it),
			cmocka_unit_test_setup_teardown(
					repeated_fragments_are_left_alone, make, remove_it),
			cmocka_unit_test_setup_teardown(
					a_lost_fragment_is_counted, make, remove_it),
			cmocka_unit_test_setup_teardown(memory_is_bounded, make, remove_it),
			cmocka_unit_test_setup_teardown(overlaps_are_refused, make, remove_it),
			cmocka_unit_test_setup_teardown(noise_is_survived, make, remove_it),
	};

	return cmocka_run_group_tests_name("reassembly", tests, NULL, NULL);
}
