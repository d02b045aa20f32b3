#define _GNU_SOURCE
#include "tcp_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "lifecycle.h"
#include "options.h"

#define BACKLOG 4096
/* The least common multiple of 1..8: moving a source port by it keeps its worker. */
#define PORT_STEP 840
#define FIRST_PORT 10000
#define LAST_PORT 32767
#define PORT_TRIES 24

bool
option_tcp_mode(const char *name, const char *text, enum tcp_mode *mode)
{
	static const char *const names[] = {"block", "poll", NULL};
	int index = 0;

	if (!option_choice(name, text, names, &index))
		return false;
	*mode = index == 0 ? TCP_BLOCK : TCP_POLL;
	return true;
}

bool
option_address(const char *name, const char *text, struct sockaddr_in *address)
{
	const char *colon = strrchr(text, ':');
	char ip[INET_ADDRSTRLEN];
	uint64_t port = 0;

	*address = (struct sockaddr_in){.sin_family = AF_INET};
	if (colon != NULL && (size_t)(colon - text) < sizeof(ip)) {
		memcpy(ip, text, (size_t)(colon - text));
		ip[colon - text] = '\0';
		if (inet_pton(AF_INET, ip, &address->sin_addr) == 1) {
			if (!option_count(name, colon + 1, 1, UINT16_MAX, &port))
				return false;
			address->sin_port = htons((uint16_t)port);
			return true;
		}
	}
	complain("%s '%s': write an IPv4 address and a port, as in 198.19.0.1:7000", name, text);
	return false;
}

void
tcp_raise_socket_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

const char *
tcp_spread_name(enum tcp_spread spread)
{
	return spread == TCP_SPREAD_PORT ? "source port" : "kernel hash";
}

static void
say_address(const struct sockaddr_in *address, char *text, size_t size)
{
	char ip[INET_ADDRSTRLEN] = "?";

	(void)inet_ntop(AF_INET, &address->sin_addr, ip, sizeof(ip));
	(void)snprintf(text, size, "%s:%u", ip, ntohs(address->sin_port));
}

static int
set_on(int fd, int level, int option)
{
	int on = 1;

	return setsockopt(fd, level, option, &on, sizeof(on));
}

/*
 * The socket of a new connection is number (source port mod workers) of the group. The source port
 * is the first field after the IPv4 header, which has no options here: we make the connections. A
 * result with no socket of that number makes the kernel hash.
 */
static int
spread_by_port(int fd, unsigned int workers)
{
	struct sock_filter code[] = {
			BPF_STMT(BPF_LD | BPF_H | BPF_ABS, (uint32_t)SKF_NET_OFF + 20),
			BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, workers),
			BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program));
}

int
tcp_listen(const struct sockaddr_in *address, unsigned int workers, enum tcp_spread *spread)
{
	char where[64];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	say_address(address, where, sizeof(where));
	if (fd < 0) {
		complain("cannot make a socket: %s", strerror(errno));
		return -1;
	}
	if (set_on(fd, SOL_SOCKET, SO_REUSEADDR) != 0 ||
			set_on(fd, SOL_SOCKET, SO_REUSEPORT) != 0 ||
			bind(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 ||
			listen(fd, BACKLOG) != 0) {
		complain("cannot listen on %s: %s", where, strerror(errno));
		(void)close(fd);
		return -1;
	}
	*spread = spread_by_port(fd, workers) == 0 ? TCP_SPREAD_PORT : TCP_SPREAD_HASH;
	return fd;
}

int
tcp_accept(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0 && set_on(fd, IPPROTO_TCP, TCP_NODELAY) != 0) {
		int saved = errno;

		(void)close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

unsigned int
tcp_first_port(unsigned int flows)
{
	unsigned int room = LAST_PORT - FIRST_PORT + 1 - flows;

	/* A multiple of the step keeps flow 0 on the same worker in every run. */
	return FIRST_PORT + (unsigned int)((clock_ticks() >> 8) % (room / PORT_STEP)) * PORT_STEP;
}

/* Binds to a source port of the wanted rest and begins to connect; -1 with errno set. */
static int
begin_connect(const struct sockaddr_in *address, unsigned int port)
{
	struct sockaddr_in source = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int saved;

	if (fd < 0)
		return -1;
	if (set_on(fd, IPPROTO_TCP, TCP_NODELAY) == 0 &&
			set_on(fd, SOL_SOCKET, SO_REUSEADDR) == 0 &&
			bind(fd, (const struct sockaddr *)&source, sizeof(source)) == 0 &&
			(connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
					errno == EINPROGRESS))
		return fd;
	saved = errno;
	(void)close(fd);
	errno = saved;
	return -1;
}

/* Waits for the handshake; 0 or an errno. */
static int
finish_connect(int fd, unsigned int timeout_ms)
{
	struct pollfd wait = {.fd = fd, .events = POLLOUT};
	int error = 0;
	socklen_t length = sizeof(error);
	int ready = poll(&wait, 1, (int)timeout_ms);

	if (ready == 0)
		return ETIMEDOUT;
	if (ready < 0)
		return errno;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

int
tcp_connect(const struct sockaddr_in *address, unsigned int first_port, unsigned int flow,
		unsigned int timeout_ms)
{
	char where[64];
	unsigned int port = first_port + flow;
	int error = 0;

	for (int attempt = 0; attempt < PORT_TRIES; attempt++) {
		int fd = begin_connect(address, port);

		error = fd >= 0 ? finish_connect(fd, timeout_ms) : errno;
		if (error == 0)
			return fd;
		if (fd >= 0)
			(void)close(fd);
		/* Both say that this source port is taken, by a socket or by one in TIME_WAIT. */
		if (error != EADDRINUSE && error != EADDRNOTAVAIL)
			break;
		port = port + PORT_STEP <= LAST_PORT ? port + PORT_STEP
						     : FIRST_PORT + (port - FIRST_PORT) % PORT_STEP;
	}
	say_address(address, where, sizeof(where));
	complain("connection %u to %s: %s", flow, where, strerror(error));
	return -1;
}

bool
tcp_facts_add(struct tcp_facts *facts, int fd)
{
	struct tcp_info info;
	socklen_t length = sizeof(info);
	socklen_t name_length = sizeof(facts->congestion) - 1;

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0)
		return false;
	facts->retransmits += info.tcpi_total_retrans;
	facts->mss = info.tcpi_snd_mss;
	if (getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, facts->congestion, &name_length) != 0)
		facts->congestion[0] = '\0';
	return true;
}
