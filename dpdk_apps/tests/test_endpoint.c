#include "unit.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "endpoint.h"

static void
addresses_are_told_apart(void **state)
{
	struct endpoint e;

	(void)state;
	assert_true(option_endpoint("--listen", "127.0.0.1:7000", &e));
	assert_false(e.local);
	assert_string_equal(endpoint_driver(&e), "tcp");
	assert_true(option_endpoint("--listen", "unix:/run/echo", &e));
	assert_true(e.local);
	assert_string_equal(e.path, "/run/echo");
	assert_string_equal(endpoint_driver(&e), "unix");
	assert_true(option_endpoint("--listen", "unix:@echo", &e));
	assert_string_equal(e.path, "@echo");
}

static void
wrong_addresses_are_refused(void **state)
{
	char longest[5 + ENDPOINT_MAX_PATH + 2] = "unix:";
	struct endpoint e;

	(void)state;
	assert_false(option_endpoint("--listen", "unix:", &e));
	assert_false(option_endpoint("--listen", "unix:@", &e));
	assert_false(option_endpoint("--listen", "/run/echo", &e));
	memset(longest + 5, 'a', ENDPOINT_MAX_PATH);
	assert_true(option_endpoint("--listen", longest, &e));
	longest[5 + ENDPOINT_MAX_PATH] = 'a';
	assert_false(option_endpoint("--listen", longest, &e));
}

/* Accepts what must be there already; whether a byte sent from `fd` comes out of it. */
static bool
reaches(const struct endpoint *e, int listener, int fd)
{
	struct pollfd waiting = {.fd = listener, .events = POLLIN};
	int taken;
	char byte = 0;
	bool came;

	if (poll(&waiting, 1, 0) != 1)
		return false;
	taken = endpoint_accept(e, listener);
	assert_true(taken >= 0);
	assert_int_equal(endpoint_accept(e, listener), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(send(fd, "x", 1, 0), 1);
	came = recv(taken, &byte, 1, 0) == 1 && byte == 'x';
	assert_int_equal(close(taken), 0);
	return came;
}

/* Flow f goes to worker f mod 2. */
static void
flows_go_round_the_workers(const char *text)
{
	struct endpoint e;
	enum tcp_spread spread;
	int listeners[2];

	assert_true(option_endpoint("--listen", text, &e));
	for (unsigned int i = 0; i < 2; i++) {
		listeners[i] = endpoint_listen(&e, i, 2, &spread);
		assert_true(listeners[i] >= 0);
	}
	assert_int_equal(endpoint_listen(&e, 1, 2, &spread), -1); /* taken */
	for (unsigned int flow = 0; flow < 4; flow++) {
		int fd = endpoint_connect(&e, 2, 0, flow, 1000);

		assert_true(fd >= 0);
		assert_false(reaches(&e, listeners[(flow + 1) % 2], fd));
		assert_true(reaches(&e, listeners[flow % 2], fd));
		assert_int_equal(close(fd), 0);
	}
	for (unsigned int i = 0; i < 2; i++)
		endpoint_close(&e, i, listeners[i]);
	assert_int_equal(endpoint_connect(&e, 2, 0, 0, 1000), -1); /* nobody listens any more */
}

/* The folder's removal fails where a socket's file was left. */
static void
sockets_with_a_path_leave_no_file(void **state)
{
	char path[96];
	char text[128];

	unit_path(state, "echo", path, sizeof(path));
	(void)snprintf(text, sizeof(text), "unix:%s", path);
	flows_go_round_the_workers(text);
}

static void
sockets_with_an_abstract_name_need_none(void **state)
{
	char text[64];

	(void)state;
	(void)snprintf(text, sizeof(text), "unix:@dpdk_apps_test_%d", (int)getpid());
	flows_go_round_the_workers(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(addresses_are_told_apart),
			cmocka_unit_test(wrong_addresses_are_refused),
			cmocka_unit_test_setup_teardown(sockets_with_a_path_leave_no_file,
					unit_folder_make, unit_folder_remove),
			cmocka_unit_test(sockets_with_an_abstract_name_need_none),
	};

	return cmocka_run_group_tests_name("endpoint", tests, NULL, NULL);
}
