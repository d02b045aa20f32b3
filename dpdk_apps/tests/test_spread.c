#include "unit.h"

#include "frame.h"

#include "port.h"
#include "port_options.h"
#include "spread.h"

#define SRC FRAME_IP(198, 19, 0, 101)
#define DST FRAME_IP(198, 19, 0, 102)
#define UDP_PORT 9000

/* The examples for IPv4 with ports in Microsoft's "Verifying the RSS Hash Calculation". */
static void
the_hash_is_that_of_the_specification(void **state)
{
	(void)state;
	assert_int_equal(spread_hash(FRAME_IP(66, 9, 149, 187), FRAME_IP(161, 142, 100, 80), 2794,
					 1766),
			0x51ccc178);
	assert_int_equal(spread_hash(FRAME_IP(199, 92, 111, 2), FRAME_IP(65, 69, 140, 83), 14230,
					 4739),
			0xc626b0ea);
	assert_int_equal(spread_hash(FRAME_IP(24, 19, 198, 95), FRAME_IP(12, 22, 207, 184), 12898,
					 38024),
			0x5c2b394a);
	assert_int_equal(spread_hash(FRAME_IP(38, 27, 205, 30), FRAME_IP(209, 142, 163, 6), 48228,
					 2217),
			0xafc7327f);
	assert_int_equal(spread_hash(FRAME_IP(153, 39, 163, 191), FRAME_IP(202, 188, 127, 2), 44251,
					 1303),
			0x10e828a2);
}

static void
the_table_deals_the_queues_out_in_turn(void **state)
{
	struct spread s;

	(void)state;
	spread_init(&s, 3);
	for (uint32_t hash = 0; hash < 1000; hash++)
		assert_int_equal(spread_queue(&s, hash), hash % 128 % 3);
}

/* How many of the flows first, first + step, ... fall on each queue. */
static void
count(uint32_t src, uint32_t dst, uint16_t queues, uint32_t flows, uint32_t first, uint32_t step,
		uint32_t *on)
{
	struct spread s;

	spread_init(&s, queues);
	memset(on, 0, queues * sizeof(*on));
	for (uint32_t flow = first; flow < flows; flow += step)
		on[spread_queue(&s, spread_hash(src, dst, (uint16_t)(SPREAD_FIRST_PORT + flow),
						    UDP_PORT))]++;
}

/* Whatever the addresses: they only exclusive-or a constant into the hashes. */
static void
flows_64_spread_evenly_over_2_and_4_queues(void **state)
{
	uint32_t on[4];

	(void)state;
	for (uint32_t host = 0; host < 256; host++) {
		count(SRC, DST + host, 2, 64, 0, 1, on);
		for (int q = 0; q < 2; q++)
			assert_in_range(on[q], 64 * 40 / 100 + 1, 64 * 60 / 100);
		count(SRC + host, DST, 4, 64, 0, 1, on);
		for (int q = 0; q < 4; q++)
			assert_in_range(on[q], 64 * 15 / 100 + 1, 64 * 35 / 100);
	}
}

/* With two ports each gets every other flow: the lowest bit of the source port is fixed then. */
static void
each_of_two_ports_spreads_its_half_evenly(void **state)
{
	uint32_t on[4];

	(void)state;
	for (uint32_t port = 0; port < 2; port++) {
		count(SRC, DST, 4, 64, port, 2, on);
		for (int q = 0; q < 4; q++)
			assert_int_equal(on[q], 8);
	}
}

static void
source_ports_of_all_flows_exist(void **state)
{
	(void)state;
	assert_int_equal(SPREAD_FIRST_PORT + SPREAD_MAX_FLOWS, 65536);
	/* An aligned block: the low bits of the ports run through all values. */
	assert_int_equal(SPREAD_FIRST_PORT % SPREAD_MAX_FLOWS, 0);
}

static void
ports_are_paired_in_order(void **state)
{
	(void)state;
	assert_int_equal(port_pair(0, 1), 0);
	assert_int_equal(port_pair(0, 2), 1);
	assert_int_equal(port_pair(1, 2), 0);
	assert_int_equal(port_pair(2, 3), 2);
	assert_int_equal(port_pair(2, 4), 3);
	assert_int_equal(port_pair(3, 4), 2);
}

static void
a_port_mask_is_hexadecimal(void **state)
{
	uint64_t mask = 0;

	(void)state;
	assert_true(port_mask_read("-p", "3", &mask));
	assert_int_equal(mask, 3);
	assert_true(port_mask_read("-p", "0x10", &mask));
	assert_int_equal(mask, 16);
	assert_true(port_mask_read("-p", "10", &mask));
	assert_int_equal(mask, 16);
	assert_false(port_mask_read("-p", "0", &mask));
	assert_false(port_mask_read("-p", "", &mask));
	assert_false(port_mask_read("-p", "-1", &mask));
	assert_false(port_mask_read("-p", "3x", &mask));
	assert_false(port_mask_read("-p", "100000000", &mask));
}

static void
descriptors_have_a_range(void **state)
{
	uint16_t count = 0;

	(void)state;
	assert_true(option_descriptors("--rx-desc", "32", &count));
	assert_int_equal(count, 32);
	assert_true(option_descriptors("--rx-desc", "32768", &count));
	assert_int_equal(count, 32768);
	assert_false(option_descriptors("--rx-desc", "31", &count));
	assert_false(option_descriptors("--rx-desc", "32769", &count));
	assert_int_equal(count, 32768);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(the_hash_is_that_of_the_specification),
			cmocka_unit_test(the_table_deals_the_queues_out_in_turn),
			cmocka_unit_test(flows_64_spread_evenly_over_2_and_4_queues),
			cmocka_unit_test(each_of_two_ports_spreads_its_half_evenly),
			cmocka_unit_test(source_ports_of_all_flows_exist),
			cmocka_unit_test(ports_are_paired_in_order),
			cmocka_unit_test(a_port_mask_is_hexadecimal),
			cmocka_unit_test(descriptors_have_a_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
