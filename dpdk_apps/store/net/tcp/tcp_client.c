#define _GNU_SOURCE
#include "tcp_client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tcp_stream.h"
#include "tcp_time.h"

/* Between two connections: doubled with each that came to nothing. */
#define PAUSE_FIRST_NS (5 * TCP_MS)
#define PAUSE_MOST_NS (200 * TCP_MS)
/* For a handshake; the kernel would repeat its first packet after a second. */
#define CONNECT_NS (900 * TCP_MS)

enum way {
	WAY_NONE,	/* to be made when it is time */
	WAY_CONNECTING, /* the handshake is under way */
	WAY_OPEN,
};

struct tcp_client {
	struct carrier carrier; /* first: what users hold is this */
	struct sockaddr_in server;
	enum way way;
	int fd;		/* CONNECTING */
	uint64_t due;	/* NONE: connects then. CONNECTING: gives up then */
	uint64_t pause; /* before the next try */
	bool waited;	/* wait() has looked since the last poll() */
	bool readable;	/* and saw that something came */
	bool writable;
	struct tcp_stream stream; /* OPEN */
	struct tcp_counts counts;
};

static void
try_later(struct tcp_client *c)
{
	c->way = WAY_NONE;
	c->due = tcp_now_ns() + c->pause;
	c->pause = 2 * c->pause < PAUSE_MOST_NS ? 2 * c->pause : PAUSE_MOST_NS;
}

static void
give_up(struct tcp_client *c)
{
	(void)close(c->fd);
	try_later(c);
}

static void
begin(struct tcp_client *c)
{
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0) {
		try_later(c);
		return;
	}
	c->way = WAY_CONNECTING;
	c->due = tcp_now_ns() + CONNECT_NS;
	if (connect(c->fd, (const struct sockaddr *)&c->server, sizeof(c->server)) != 0 &&
			errno != EINPROGRESS)
		give_up(c);
}

/* Whether the handshake is over, and how. */
static void
look(struct tcp_client *c)
{
	struct pollfd wait = {.fd = c->fd, .events = POLLOUT};
	int error = 0;
	socklen_t length = sizeof(error);

	if (poll(&wait, 1, 0) <= 0) {
		if (tcp_now_ns() >= c->due)
			give_up(c);
		return;
	}
	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0 || error != 0 ||
			tcp_stream_begin(&c->stream, c->fd) != 0) {
		give_up(c);
		return;
	}
	c->way = WAY_OPEN;
	c->counts.connections++;
	c->waited = false;
}

static int
client_send(struct carrier *carrier, uint32_t peer, const struct iovec *parts, int count)
{
	struct tcp_client *c = (struct tcp_client *)carrier;

	(void)peer;
	return c->way == WAY_OPEN ? tcp_stream_send(&c->stream, parts, count, &c->counts)
				  : -ENOTCONN;
}

static uint32_t
exchange(struct tcp_client *c, carrier_take *take, void *self)
{
	bool look_at_all = !c->waited;
	uint32_t came = 0;

	c->waited = false;
	if (look_at_all || c->writable)
		tcp_stream_flush(&c->stream, &c->counts);
	if (look_at_all || c->readable)
		came = tcp_stream_receive(&c->stream, TCP_CLIENT_PEER, take, self, &c->counts);
	/* What it hears says that the server is there, and not only something that accepts. */
	if (came > 0)
		c->pause = PAUSE_FIRST_NS;
	if (c->stream.state != TCP_STREAM_OPEN) {
		tcp_stream_end(&c->stream, &c->counts);
		try_later(c);
	}
	return came;
}

static uint32_t
client_poll(struct carrier *carrier, carrier_take *take, void *self)
{
	struct tcp_client *c = (struct tcp_client *)carrier;

	if (c->way == WAY_OPEN)
		return exchange(c, take, self);
	if (c->way == WAY_NONE && tcp_now_ns() >= c->due)
		begin(c);
	if (c->way == WAY_CONNECTING)
		look(c);
	return 0;
}

/* What to wait for on the connection. */
static struct pollfd
wanted(const struct tcp_client *c)
{
	switch (c->way) {
	case WAY_OPEN:
		return (struct pollfd){.fd = c->stream.fd,
				.events = tcp_stream_keeps(&c->stream) ? POLLIN | POLLOUT : POLLIN};
	case WAY_CONNECTING:
		return (struct pollfd){.fd = c->fd, .events = POLLOUT};
	case WAY_NONE:
		break;
	}
	return (struct pollfd){.fd = -1};
}

static void
client_wait(struct carrier *carrier, int fd, uint64_t ns)
{
	struct tcp_client *c = (struct tcp_client *)carrier;
	struct pollfd fds[2] = {wanted(c), {.fd = fd, .events = POLLIN}};
	struct timespec most;

	if (c->way != WAY_OPEN) {
		uint64_t now = tcp_now_ns();
		uint64_t left = c->due > now ? c->due - now : 0;

		ns = left < ns ? left : ns;
	}
	most = (struct timespec){
			.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
	/* A signal ends it as well: its user looks then. */
	if (ppoll(fds, fd >= 0 ? 2 : 1, &most, NULL) < 0)
		fds[0].revents = 0;
	c->waited = true;
	c->readable = (fds[0].revents & ~POLLOUT) != 0;
	c->writable = (fds[0].revents & POLLOUT) != 0;
}

static const struct carrier_calls polled = {
		.send = client_send, .poll = client_poll, .rest = client_wait};
static const struct carrier_calls waited = {
		.send = client_send, .poll = client_poll, .wait = client_wait};

struct tcp_client *
tcp_client_create(const struct sockaddr_in *server, enum tcp_mode mode)
{
	struct tcp_client *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->carrier = (struct carrier){
			.calls = mode == TCP_BLOCK ? &waited : &polled,
			.most = TCP_STREAM_MOST,
			.window = TCP_STREAM_WINDOW,
			.reliable = true,
	};
	c->server = *server;
	c->pause = PAUSE_FIRST_NS;
	return c;
}

void
tcp_client_destroy(struct tcp_client *c)
{
	if (c == NULL)
		return;
	if (c->way == WAY_OPEN)
		tcp_stream_end(&c->stream, &c->counts);
	else if (c->way == WAY_CONNECTING)
		(void)close(c->fd);
	free(c);
}

struct carrier *
tcp_client_carrier(struct tcp_client *c)
{
	return &c->carrier;
}

bool
tcp_client_connected(const struct tcp_client *c)
{
	return c->way == WAY_OPEN;
}

struct tcp_counts
tcp_client_counts(const struct tcp_client *c)
{
	struct tcp_counts counts = c->counts;

	if (c->way == WAY_OPEN)
		tcp_stream_account(&c->stream, &counts);
	return counts;
}
