#include "unit.h"

#include "forward.h"
#include "scripted_port.h"

static void
it_outlives_the_other_end_of_its_port(void **state)
{
	static struct scripted_port port;
	struct group group = {.port_count = 1, .ports = {{.port = SCRIPTED_PORT}}};
	struct forwarder f;

	(void)state;
	scripted_port_plug(&port);
	forward_init(&f, &group, 0, IDLE_SPIN, false);
	assert_int_equal(forward_run(&f), ENDED_BY_SIGNAL);
	scripted_port_check(
			&port, &f.guard, &f.lanes[0].counts, f.lanes[0].drops, DROPS, DROP_CUT_OFF);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(it_outlives_the_other_end_of_its_port),
	};

	return cmocka_run_group_tests_name("forward", tests, NULL, NULL);
}
