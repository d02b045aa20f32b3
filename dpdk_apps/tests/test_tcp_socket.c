#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "tcp_socket.h"

static void
addresses(void **state)
{
	static const char *const wrong[] = {"", ":1", "1.2.3.4", "1.2.3.4:", "1.2.3.4:0",
			"1.2.3.4:65536", "1.2.3:7", "::1:7", "host:7", "1.2.3.4:7x",
			"1111.1111.1111.1111:7"};
	struct sockaddr_in a;

	(void)state;
	assert_true(option_address("--a", "198.19.0.1:7000", &a));
	assert_int_equal(ntohl(a.sin_addr.s_addr), 0xc6130001);
	assert_int_equal(ntohs(a.sin_port), 7000);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(option_address("--a", wrong[i], &a));
}

static void
first_ports_leave_room(void **state)
{
	(void)state;
	for (unsigned int flows = 1; flows <= 4096; flows *= 2) {
		for (int i = 0; i < 1000; i++) {
			unsigned int port = tcp_first_port(flows);

			assert_in_range(port, 1024, 32768 - flows);
			assert_int_equal(port % 8, tcp_first_port(1) % 8);
		}
	}
}

#define WORKERS 3
#define FLOWS 12

/* Consecutive connections go to consecutive workers, as many to each. */
static void
connections_spread_evenly(void **state)
{
	struct sockaddr_in address = {
			.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	unsigned int first_port = tcp_first_port(FLOWS);
	enum tcp_spread spread;
	int listeners[WORKERS], clients[FLOWS], found = socket(AF_INET, SOCK_STREAM, 0);
	int on = 1;

	(void)state;
	/* A port that is free: the kernel's choice, shared from then on. */
	assert_int_equal(setsockopt(found, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), 0);
	assert_int_equal(bind(found, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(found, (struct sockaddr *)&address, &length), 0);
	for (int i = 0; i < WORKERS; i++) {
		listeners[i] = tcp_listen(&address, WORKERS, &spread);
		assert_true(listeners[i] >= 0);
		assert_int_equal(spread, TCP_SPREAD_PORT);
	}
	assert_int_equal(close(found), 0);
	for (unsigned int i = 0; i < FLOWS; i++) {
		clients[i] = tcp_connect(&address, first_port, i, 1000);
		assert_true(clients[i] >= 0);
	}
	for (int i = 0; i < WORKERS; i++) {
		for (int k = 0; k < FLOWS / WORKERS; k++) {
			struct pollfd wait = {.fd = listeners[i], .events = POLLIN};
			int fd, nodelay = 0;

			length = sizeof(nodelay);
			assert_int_equal(poll(&wait, 1, 1000), 1);
			fd = tcp_accept(listeners[i]);
			assert_true(fd >= 0);
			assert_int_equal(
					getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, &length),
					0);
			assert_true(nodelay != 0);
			assert_int_equal(close(fd), 0);
		}
		assert_int_equal(tcp_accept(listeners[i]), -1);
		assert_int_equal(errno, EAGAIN);
	}
	for (int i = 0; i < FLOWS; i++)
		assert_int_equal(close(clients[i]), 0);
	for (int i = 0; i < WORKERS; i++)
		assert_int_equal(close(listeners[i]), 0);
	/* Nobody listens any more. */
	assert_int_equal(tcp_connect(&address, first_port, 0, 1000), -1);
}

static void
a_taken_source_port_moves_and_keeps_its_worker(void **state)
{
	struct sockaddr_in address = {
			.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in mine;
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	unsigned int first_port = tcp_first_port(1);
	int one, two;

	(void)state;
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 8), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	one = tcp_connect(&address, first_port, 0, 1000);
	two = tcp_connect(&address, first_port, 0, 1000); /* the same four-tuple is taken */
	assert_true(one >= 0 && two >= 0);
	assert_int_equal(getsockname(two, (struct sockaddr *)&mine, &length), 0);
	assert_int_not_equal(ntohs(mine.sin_port), first_port);
	for (unsigned int workers = 1; workers <= 8; workers++)
		assert_int_equal(ntohs(mine.sin_port) % workers, first_port % workers);
	assert_int_equal(close(one), 0);
	assert_int_equal(close(two), 0);
	assert_int_equal(close(listener), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(addresses),
			cmocka_unit_test(first_ports_leave_room),
			cmocka_unit_test(connections_spread_evenly),
			cmocka_unit_test(a_taken_source_port_moves_and_keeps_its_worker),
	};

	return cmocka_run_group_tests_name("tcp_socket", tests, NULL, NULL);
}
