#define _GNU_SOURCE
#include "connections.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "lifecycle.h"

#define CONNECT_TIMEOUT_MS 5000
#define LEAST_IN_CAPACITY 16384
#define EVENTS 64

static int
open_floor(struct connection *k, size_t size)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) {
		complain("cannot make a pair of sockets: %s", strerror(errno));
		return -1;
	}
	k->fd = ends[0];
	if (echo_stream_begin(&k->echo, ends[1], size) == 0)
		return 0;
	complain("no memory for a connection");
	(void)close(ends[1]);
	return -1;
}

static int
open_connection(struct connections *c, struct connection *k, const struct endpoint *address,
		uint32_t workers, unsigned int first_port)
{
	unsigned int flow = (unsigned int)(k - c->all);
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = k};

	if (address != NULL)
		k->fd = endpoint_connect(address, workers, first_port, flow, CONNECT_TIMEOUT_MS);
	else if (open_floor(k, c->size) != 0)
		return -1;
	if (k->fd < 0)
		return -1;
	k->out = malloc(c->size);
	k->in = malloc(c->in_capacity);
	if (k->out == NULL || k->in == NULL) {
		complain("no memory for connection %u", flow);
		return -1;
	}
	if (!c->asks_each && epoll_ctl(c->epoll, EPOLL_CTL_ADD, k->fd, &event) != 0) {
		complain("epoll: %s", strerror(errno));
		return -1;
	}
	return 0;
}

int
connections_begin(struct connections *c, const struct endpoint *address, uint32_t workers,
		uint32_t count, size_t size, enum tcp_mode mode)
{
	struct epoll_event stop = {.events = EPOLLIN, .data.ptr = NULL};
	unsigned int first_port = tcp_first_port(count);

	*c = (struct connections){.size = size,
			.floor = address == NULL,
			.driver = address == NULL ? "socketpair" : endpoint_driver(address),
			.polls = mode == TCP_POLL,
			.epoll = -1};
	c->asks_each = c->polls && count <= TCP_ASK_EACH;
	c->in_capacity = 2 * size > LEAST_IN_CAPACITY ? 2 * size : LEAST_IN_CAPACITY;
	c->all = calloc(count, sizeof(*c->all));
	if (c->all == NULL) {
		complain("no memory for %u connections", count);
		return -1;
	}
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (c->epoll < 0 || epoll_ctl(c->epoll, EPOLL_CTL_ADD, lifecycle_stop_fd(), &stop) != 0) {
		complain("epoll: %s", strerror(errno));
		return -1;
	}
	for (c->count = 0; c->count < count; c->count++) {
		c->all[c->count].fd = -1;
		c->all[c->count].echo.fd = -1;
		if (open_connection(c, &c->all[c->count], address, workers, first_port) != 0) {
			c->count++; /* connections_end() closes what there is of it */
			return -1;
		}
	}
	return 0;
}

void
connections_end(struct connections *c)
{
	for (uint32_t i = 0; i < c->count; i++) {
		struct connection *k = &c->all[i];

		if (k->fd >= 0)
			(void)close(k->fd);
		if (k->echo.fd >= 0)
			echo_stream_end(&k->echo);
		free(k->out);
		free(k->in);
	}
	free(c->all);
	c->all = NULL;
	c->count = 0;
	if (c->epoll >= 0)
		(void)close(c->epoll);
	c->epoll = -1;
}

static void
lose(struct connections *c, struct connection *k, int error)
{
	if (k->closed)
		return;
	k->closed = true;
	if (k->out_at < k->out_end)
		c->cut_off++;
	k->out_at = k->out_end = 0;
	c->closed++;
	if (c->error == 0)
		c->error = error;
}

/* In epoll, a connection with something left to send waits for room as well. */
static void
watch_room(struct connections *c, struct connection *k)
{
	bool wanted = k->out_at < k->out_end && !k->closed;
	struct epoll_event event = {.events = wanted ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = k};

	if (c->asks_each || wanted == k->waits_room)
		return;
	k->waits_room = wanted;
	if (epoll_ctl(c->epoll, EPOLL_CTL_MOD, k->fd, &event) != 0)
		lose(c, k, errno);
}

/* Sends what is left of the connection's message. Returns whether a byte left. */
static bool
flush(struct connections *c, struct connection *k)
{
	ssize_t n;

	if (k->out_at == k->out_end || k->closed)
		return false;
	n = send(k->fd, k->out + k->out_at, k->out_end - k->out_at, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
		lose(c, k, errno);
	if (n > 0) {
		k->out_at += (size_t)n;
		k->sent += (uint64_t)n;
		c->tx_bytes += (uint64_t)n;
		if (k->out_at == k->out_end)
			c->tx_messages += connections_units(c);
	}
	if (k->out_at < k->out_end)
		c->send_full++;
	watch_room(c, k);
	return n > 0;
}

bool
connections_ready(struct connections *c, const struct meter *m)
{
	const struct connection *k = &c->all[meter_flow(m, meter_next(m))];

	return k->out_at == k->out_end && !k->closed;
}

/*
 * Lets the echo at the other end do what it can. It is called inline because a thread of its own
 * would add its wake-up to the floor, and only where it has something to do because each question
 * is a system call.
 */
static void
echo_floor(struct connections *c, struct connection *k)
{
	enum echo_result result = ECHO_WORKED;

	while (c->floor && result == ECHO_WORKED && k->echo.tx_bytes < k->sent)
		result = echo_stream_step(&k->echo, 0);
	if (result == ECHO_FAILED)
		lose(c, k, errno);
}

void
connections_send(struct connections *c, struct meter *m, uint64_t tick)
{
	struct connection *k = &c->all[meter_flow(m, meter_next(m))];

	if (c->codec != NULL)
		c->codec->write(c->codec->self, m, k->out);
	else
		meter_write(m, 0, k->out);
	k->out_at = 0;
	k->out_end = c->size;
	(void)meter_sent(m, tick != 0 ? tick : clock_ticks());
	(void)flush(c, k);
	echo_floor(c, k);
}

/*
 * Finds the whole messages among what came and counts them, which what becomes of each is compared
 * with at the end: so it is done here, before anybody looks into them. Returns their bytes;
 * SIZE_MAX where it is no stream of messages.
 */
static size_t
find_whole(struct connections *c, const struct connection *k)
{
	uint64_t messages = 0;
	size_t whole;

	if (c->codec != NULL) {
		whole = c->codec->whole(k->in, k->in_end, &messages);
	} else {
		messages = k->in_end / c->size;
		whole = messages * c->size;
	}
	if (whole > k->in_end)
		return SIZE_MAX;
	c->rx_messages += messages;
	c->whole_bytes += whole;
	return whole;
}

/* Gives `whole` bytes of messages to the meter. */
static void
take(struct connections *c, struct connection *k, struct meter *m, size_t whole, uint64_t tick)
{
	if (c->codec != NULL)
		c->codec->take(c->codec->self, (uint32_t)(k - c->all), k->in, whole, tick);
	else
		for (size_t at = 0; at < whole; at += c->size)
			(void)meter_returned(m, k->in + at, c->size, tick);
}

/* Receives once and gives whole messages to the meter. Returns whether anything came. */
static bool
receive(struct connections *c, struct connection *k, struct meter *m)
{
	ssize_t n;
	uint64_t tick;
	size_t whole;

	if (k->closed)
		return false;
	n = recv(k->fd, k->in + k->in_end, c->in_capacity - k->in_end, MSG_DONTWAIT);
	tick = clock_ticks();
	if (n < 0) {
		if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
			lose(c, k, errno);
		return false;
	}
	if (n == 0) {
		lose(c, k, 0);
		return false;
	}
	c->rx_bytes += (uint64_t)n;
	k->in_end += (size_t)n;
	whole = find_whole(c, k);
	if (whole == SIZE_MAX) {
		lose(c, k, EPROTO);
		return true;
	}
	if (whole > 0) {
		take(c, k, m, whole, tick);
		memmove(k->in, k->in + whole, k->in_end - whole);
		k->in_end -= whole;
	}
	return true;
}

static bool
ask_epoll(struct connections *c, struct meter *m, const struct timespec *longest)
{
	struct epoll_event events[EVENTS];
	bool worked = false;
	/* epoll_wait() for polling: its 0 ms needs no timespec to be copied. */
	int count = longest == NULL ? epoll_wait(c->epoll, events, EVENTS, 0)
				    : epoll_pwait2(c->epoll, events, EVENTS, longest, NULL);

	for (int i = 0; i < count; i++) {
		struct connection *k = events[i].data.ptr;

		if (k == NULL)
			continue; /* a stop was asked for: the loop looks */
		if ((events[i].events & EPOLLOUT) != 0)
			worked |= flush(c, k);
		if ((events[i].events & ~(uint32_t)EPOLLOUT) != 0)
			worked |= receive(c, k, m);
		echo_floor(c, k);
	}
	return worked;
}

bool
connections_turn(struct connections *c, struct meter *m)
{
	bool worked = false;

	if (!c->asks_each)
		return ask_epoll(c, m, NULL);
	for (uint32_t i = 0; i < c->count; i++) {
		struct connection *k = &c->all[i];

		worked |= receive(c, k, m);
		worked |= flush(c, k);
		echo_floor(c, k);
	}
	return worked;
}

bool
connections_wait(struct connections *c, struct meter *m, uint64_t ns)
{
	struct timespec longest = {
			.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};

	return ask_epoll(c, m, &longest);
}
