#include "unit.h"

#include "l2fwd.h"
#include "lifecycle.h"
#include "scripted_port.h"

/* The other end of the port goes away in the middle of bursts: the forwarder goes on, and its books
 * balance. */
static void
it_outlives_the_other_end_of_its_port(void **state)
{
	static const struct scripted_turn turns[] = {
			{.come = 3},
			{.come = 2, .receive_cut = true},
			{.come = 4, .send_cut = true},
			{.come = 5},
	};
	static struct scripted_port port;
	const struct l2fwd_line line = {.drain_us = 0};
	const struct port_state ports[] = {{.port = SCRIPTED_PORT}};
	struct capture capture = {0};
	struct l2fwd f;
	const struct l2fwd_lane *lane = &f.lanes[0];

	(void)state;
	assert_int_equal(lifecycle_begin("test"), 0);
	scripted_port_plug(&port, turns, RTE_DIM(turns));
	l2fwd_begin(&f, &line, ports, 1, &capture);
	l2fwd_run(&f, 1e9);
	assert_int_equal(port.turn, RTE_DIM(turns));
	assert_int_equal(f.guard.faults, 2);
	assert_int_equal(lane->counts.rx_packets, 3 + 4 + 5);
	assert_int_equal(lane->counts.tx_packets, 3 + 5);
	assert_int_equal(lane->counts.tx_bytes, (3 + 5) * SCRIPTED_BYTES);
	assert_int_equal(lane->drops[L2FWD_CUT_OFF], 4);
	assert_int_equal(port.sent, lane->counts.tx_packets);
	for (int reason = 0; reason < L2FWD_DROPS; reason++)
		assert_true(reason == L2FWD_CUT_OFF || lane->drops[reason] == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(it_outlives_the_other_end_of_its_port),
	};

	return cmocka_run_group_tests_name("l2fwd", tests, NULL, NULL);
}
