#include "unit.h"

#include "forward.h"
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
			{.come = 0, .receive_cut = true},
			{.come = 5},
	};
	static struct scripted_port port;
	struct group group = {.port_count = 1, .ports = {{.port = SCRIPTED_PORT}}};
	struct forwarder f;
	const struct lane *lane = &f.lanes[0];

	(void)state;
	assert_int_equal(lifecycle_begin("test"), 0);
	scripted_port_plug(&port, turns, RTE_DIM(turns));
	forward_init(&f, &group, 0, IDLE_SPIN, false);
	assert_int_equal(forward_run(&f), ENDED_BY_SIGNAL);
	assert_int_equal(port.turn, RTE_DIM(turns));
	assert_int_equal(f.guard.faults, 3);
	assert_int_equal(lane->counts.rx_packets, 3 + 4 + 5);
	assert_int_equal(lane->counts.tx_packets, 3 + 5);
	assert_int_equal(lane->counts.tx_bytes, (3 + 5) * SCRIPTED_BYTES);
	assert_int_equal(lane->drops[DROP_CUT_OFF], 4);
	assert_int_equal(port.sent, lane->counts.tx_packets);
	for (int reason = 0; reason < DROPS; reason++)
		assert_true(reason == DROP_CUT_OFF || lane->drops[reason] == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(it_outlives_the_other_end_of_its_port),
	};

	return cmocka_run_group_tests_name("forward", tests, NULL, NULL);
}
