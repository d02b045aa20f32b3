#include "unit.h"

#include "l2fwd.h"
#include "scripted_port.h"

static void
it_outlives_the_other_end_of_its_port(void **state)
{
	static struct scripted_port port;
	const struct l2fwd_line line = {.drain_us = 0};
	const struct port_state ports[] = {{.port = SCRIPTED_PORT}};
	struct capture capture = {0};
	struct l2fwd f;

	(void)state;
	scripted_port_plug(&port);
	l2fwd_begin(&f, &line, ports, 1, &capture);
	l2fwd_run(&f, 1e9);
	scripted_port_check(&port, &f.guard, &f.lanes[0].counts, f.lanes[0].drops, L2FWD_DROPS,
			L2FWD_CUT_OFF);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(it_outlives_the_other_end_of_its_port),
	};

	return cmocka_run_group_tests_name("l2fwd", tests, NULL, NULL);
}
