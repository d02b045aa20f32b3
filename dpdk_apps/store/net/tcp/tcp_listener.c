#define _GNU_SOURCE
#include "tcp_listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lifecycle.h"

#define BACKLOG 64

static bool
has_address(const struct ifaddrs *i, struct in_addr wanted)
{
	struct in_addr is, mask;

	if (i->ifa_addr == NULL || i->ifa_addr->sa_family != AF_INET || i->ifa_netmask == NULL)
		return false;
	is = ((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr;
	mask = ((const struct sockaddr_in *)(const void *)i->ifa_netmask)->sin_addr;
	/* All of its network are the loopback's own. */
	if ((i->ifa_flags & IFF_LOOPBACK) != 0)
		return ((is.s_addr ^ wanted.s_addr) & mask.s_addr) == 0;
	return is.s_addr == wanted.s_addr;
}

/* The name of the interface that has the address; "" where none has. 0, or -1 with errno set. */
static int
interface_of(struct in_addr wanted, char name[IF_NAMESIZE])
{
	struct ifaddrs *all;

	name[0] = '\0';
	if (getifaddrs(&all) != 0)
		return -1;
	for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next)
		if (has_address(i, wanted))
			(void)snprintf(name, IF_NAMESIZE, "%s", i->ifa_name);
	freeifaddrs(all);
	return 0;
}

static int
listen_on(const struct sockaddr_in *address, const char *interface)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1;
	int saved;

	if (fd < 0)
		return -1;
	/* A server that was killed leaves connections behind that end slowly. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
			setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface,
					(socklen_t)strlen(interface)) == 0 &&
			bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 &&
			listen(fd, BACKLOG) == 0)
		return fd;
	saved = errno;
	(void)close(fd);
	errno = saved;
	return -1;
}

int
tcp_listener_open(const struct sockaddr_in *address)
{
	char ip[INET_ADDRSTRLEN] = "?";
	char interface[IF_NAMESIZE];
	int fd;

	(void)inet_ntop(AF_INET, &address->sin_addr, ip, sizeof(ip));
	if (interface_of(address->sin_addr, interface) != 0) {
		complain("cannot list the interfaces: %s", strerror(errno));
		return -1;
	}
	if (interface[0] == '\0') {
		complain("cannot listen on %s: no interface here has this address; `ip address` "
			 "lists them",
				ip);
		return -1;
	}
	fd = listen_on(address, interface);
	if (fd < 0)
		complain("cannot listen on %s:%u over %s: %s", ip, ntohs(address->sin_port),
				interface, strerror(errno));
	return fd;
}
