#define _GNU_SOURCE
#include "endpoint.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lifecycle.h"

#define LOCAL "unix:"
#define BACKLOG 4096

_Static_assert(ENDPOINT_MAX_PATH + sizeof(".4294967295") <=
				sizeof(((struct sockaddr_un *)NULL)->sun_path),
		"a path with a worker's number fits");

bool
option_endpoint(const char *name, const char *text, struct endpoint *e)
{
	size_t length;

	*e = (struct endpoint){.local = strncmp(text, LOCAL, strlen(LOCAL)) == 0};
	if (!e->local)
		return option_address(name, text, &e->ip);
	text += strlen(LOCAL);
	length = strlen(text);
	if (length == 0 || length > ENDPOINT_MAX_PATH || strcmp(text, "@") == 0) {
		complain("%s '%s%s': write a path of 1 to %d bytes, as in unix:/run/echo", name,
				LOCAL, text, ENDPOINT_MAX_PATH);
		return false;
	}
	memcpy(e->path, text, length + 1);
	return true;
}

const char *
endpoint_driver(const struct endpoint *e)
{
	return e->local ? "unix" : "tcp";
}

/* The address of one worker's socket, and its length. */
static socklen_t
address_of(const struct endpoint *e, unsigned int worker, struct sockaddr_un *address)
{
	int length;

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	length = snprintf(address->sun_path, sizeof(address->sun_path), "%s.%u", e->path, worker);
	if (address->sun_path[0] != '@')
		return sizeof(*address);
	/* An abstract name begins with a 0 and has no other end than its length. */
	address->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)length);
}

static int
local_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		complain("cannot make a socket: %s", strerror(errno));
	return fd;
}

int
endpoint_listen(const struct endpoint *e, unsigned int worker, unsigned int workers,
		enum tcp_spread *spread)
{
	struct sockaddr_un address;
	socklen_t length;
	int fd;

	if (!e->local)
		return tcp_listen(&e->ip, workers, spread);
	*spread = TCP_SPREAD_PORT; /* the connecting end chooses */
	length = address_of(e, worker, &address);
	fd = local_socket();
	if (fd < 0)
		return -1;
	if (bind(fd, (const struct sockaddr *)&address, length) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	complain("cannot listen on %s%s.%u: %s", LOCAL, e->path, worker, strerror(errno));
	(void)close(fd);
	return -1;
}

void
endpoint_close(const struct endpoint *e, unsigned int worker, int listener)
{
	struct sockaddr_un address;

	(void)close(listener);
	if (!e->local || e->path[0] == '@')
		return;
	(void)address_of(e, worker, &address);
	if (unlink(address.sun_path) != 0)
		complain("%s stays: %s", address.sun_path, strerror(errno));
}

int
endpoint_accept(const struct endpoint *e, int listener)
{
	return e->local ? accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)
			: tcp_accept(listener);
}

int
endpoint_connect(const struct endpoint *e, unsigned int workers, unsigned int first_port,
		unsigned int flow, unsigned int timeout_ms)
{
	struct sockaddr_un address;
	socklen_t length;
	int fd;

	if (!e->local)
		return tcp_connect(&e->ip, first_port, flow, timeout_ms);
	length = address_of(e, flow % workers, &address);
	fd = local_socket();
	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&address, length) == 0)
		return fd;
	complain("connection %u to %s%s.%u: %s", flow, LOCAL, e->path, flow % workers,
			strerror(errno));
	(void)close(fd);
	return -1;
}
