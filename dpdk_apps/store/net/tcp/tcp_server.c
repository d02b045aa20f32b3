#include "tcp_server.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lifecycle.h"
#include "tcp_connections.h"
#include "tcp_listener.h"
#include "tcp_time.h"

#define EVENTS 64
/* What epoll tells beside places. */
#define DATA_LISTENER TCP_SERVER_CONNECTIONS_MAX
#define DATA_WATCHED (TCP_SERVER_CONNECTIONS_MAX + 1)
/* A server that never sleeps looks at new connections, and for old ones, once in so many turns. */
#define TURNS_PER_LOOK 256
/* New connections in one look. */
#define ACCEPTS 64

struct tcp_server {
	struct carrier carrier; /* first: what users hold is this */
	int listener;
	int watched; /* the descriptor that wait() was given last; -1: none */
	bool sleeps;
	bool waited; /* wait() has looked since the last poll(), and `events` say what it saw */
	int event_count;
	struct epoll_event events[EVENTS];
	uint32_t turns;
	struct tcp_connections table;

	/* Of a poll(). */
	carrier_take *take;
	void *self;
};

static int
epoll_set(const struct tcp_server *v, int action, int fd, uint32_t events, uint32_t data)
{
	struct epoll_event event = {.events = events, .data.u32 = data};

	return epoll_ctl(v->table.epoll, action, fd, &event);
}

/* The first packets of a connection tell whether a client is there. */
static void
take_first(void *self, uint32_t peer, const uint8_t *packet, uint32_t bytes, uint64_t tick)
{
	struct tcp_server *v = self;

	/* It ends in poll() alone, so it is still there. */
	tcp_connection_showed(&v->table, tcp_connections_of(&v->table, peer), packet, bytes);
	v->take(v->self, peer, packet, bytes, tick);
}

/* Returns how many packets came. */
static uint32_t
serve(struct tcp_server *v, struct tcp_connection *c)
{
	struct tcp_connections *t = &v->table;
	carrier_take *take = c->known ? v->take : take_first;
	void *self = c->known ? v->self : v;
	uint32_t came;

	tcp_stream_flush(&c->stream, &t->counts);
	came = tcp_stream_receive(&c->stream, tcp_connection_peer(t, c), take, self, &t->counts);
	if (c->stream.state == TCP_STREAM_OPEN && c->in_epoll)
		tcp_connection_watch(t, c);
	if (c->stream.state != TCP_STREAM_OPEN)
		tcp_connection_end(t, c);
	return came;
}

/* Few connections are asked one by one where nobody sleeps: to be in epoll costs something for
 * every packet. */
static bool
asks_each(const struct tcp_server *v)
{
	return !v->sleeps && v->table.open <= TCP_ASK_EACH;
}

static void
accept_some(struct tcp_server *v)
{
	/* What is wrong with one that waits ends this look: the next one sees the others. */
	for (int i = 0; i < ACCEPTS; i++) {
		int fd = tcp_accept(v->listener);

		if (fd < 0)
			break;
		tcp_connections_admit(&v->table, fd);
	}
	if (!asks_each(v))
		tcp_connections_watch(&v->table);
}

static uint32_t
serve_each(struct tcp_server *v)
{
	uint32_t came = 0;

	for (uint32_t i = 0; i < v->table.places; i++) {
		struct tcp_connection *c = tcp_connections_at(&v->table, i);

		if (c != NULL)
			came += serve(v, c);
	}
	if (v->turns % TURNS_PER_LOOK == 0)
		accept_some(v);
	return came;
}

static uint32_t
serve_events(struct tcp_server *v)
{
	uint32_t came = 0;
	bool accepts = false;

	for (int i = 0; i < v->event_count; i++) {
		uint32_t what = v->events[i].data.u32;
		struct tcp_connection *c = tcp_connections_at(&v->table, what);

		accepts = accepts || what == DATA_LISTENER;
		if (c != NULL)
			came += serve(v, c);
	}
	/* After the others: no event of this look is meant for who comes now. */
	if (accepts)
		accept_some(v);
	return came;
}

static void
ask_epoll(struct tcp_server *v, int timeout_ms)
{
	int n = epoll_wait(v->table.epoll, v->events, EVENTS, timeout_ms);

	/* A signal ends it as well: the user looks then. */
	v->event_count = n > 0 ? n : 0;
}

static int
server_send(struct carrier *carrier, uint32_t peer, const struct iovec *parts, int count)
{
	struct tcp_server *v = (struct tcp_server *)carrier;
	struct tcp_connection *c = tcp_connections_of(&v->table, peer);
	int result;

	if (c == NULL)
		return -ENOTCONN;
	result = tcp_stream_send(&c->stream, parts, count, &v->table.counts);
	/* One that ends over it is ended by poll(): this may be in the midst of what it sent. */
	if (result == 0 && c->in_epoll)
		tcp_connection_watch(&v->table, c);
	return result;
}

static uint32_t
server_poll(struct carrier *carrier, carrier_take *take, void *self)
{
	struct tcp_server *v = (struct tcp_server *)carrier;
	uint32_t came;

	v->take = take;
	v->self = self;
	v->turns++;
	if (asks_each(v)) {
		came = serve_each(v);
	} else {
		if (!v->waited)
			ask_epoll(v, 0);
		v->waited = false;
		came = serve_events(v);
	}
	if (v->table.strangers > 0 && (v->sleeps || v->turns % TURNS_PER_LOOK == 0))
		tcp_connections_expire(&v->table);
	return came;
}

/* The descriptor that may end a sleep is registered until there is another. */
static void
watch_also(struct tcp_server *v, int fd)
{
	if (fd == v->watched)
		return;
	/* One that was closed meanwhile is not there any more. */
	if (v->watched >= 0)
		(void)epoll_set(v, EPOLL_CTL_DEL, v->watched, 0, 0);
	v->watched = fd >= 0 && epoll_set(v, EPOLL_CTL_ADD, fd, EPOLLIN, DATA_WATCHED) == 0 ? fd
											    : -1;
}

static void
server_wait(struct carrier *carrier, int fd, uint64_t ns)
{
	struct tcp_server *v = (struct tcp_server *)carrier;
	uint64_t ms = ns / TCP_MS + (ns % TCP_MS != 0);

	watch_also(v, fd);
	/* Who says nothing is sent away in time. */
	if (v->table.strangers > 0 && ms > TCP_SERVER_STRANGER_MS / 4)
		ms = TCP_SERVER_STRANGER_MS / 4;
	ask_epoll(v, ms < INT32_MAX ? (int)ms : INT32_MAX);
	v->waited = true;
}

static bool
server_gone(struct carrier *carrier, uint32_t peer)
{
	struct tcp_server *v = (struct tcp_server *)carrier;

	return tcp_connections_of(&v->table, peer) == NULL;
}

static const struct carrier_calls polled = {
		.send = server_send, .poll = server_poll, .gone = server_gone};
static const struct carrier_calls waited = {
		.send = server_send, .poll = server_poll, .wait = server_wait, .gone = server_gone};

struct tcp_server *
tcp_server_create(const struct sockaddr_in *address, enum tcp_mode mode)
{
	struct tcp_server *v = calloc(1, sizeof(*v));

	if (v == NULL) {
		complain("out of memory");
		return NULL;
	}
	v->carrier = (struct carrier){
			.calls = mode == TCP_BLOCK ? &waited : &polled,
			.most = TCP_STREAM_MOST,
			.window = TCP_STREAM_WINDOW,
			.reliable = true,
	};
	v->sleeps = mode == TCP_BLOCK;
	v->watched = -1;
	tcp_connections_begin(&v->table);
	v->table.epoll = epoll_create1(EPOLL_CLOEXEC);
	v->listener = tcp_listener_open(address);
	if (v->listener >= 0 && v->table.epoll >= 0 &&
			epoll_set(v, EPOLL_CTL_ADD, v->listener, EPOLLIN, DATA_LISTENER) == 0)
		return v;
	if (v->listener >= 0)
		complain("epoll: %s", strerror(errno));
	tcp_server_destroy(v);
	return NULL;
}

void
tcp_server_destroy(struct tcp_server *v)
{
	if (v == NULL)
		return;
	tcp_connections_end(&v->table);
	if (v->listener >= 0)
		(void)close(v->listener);
	if (v->table.epoll >= 0)
		(void)close(v->table.epoll);
	free(v);
}

struct carrier *
tcp_server_carrier(struct tcp_server *v)
{
	return &v->carrier;
}

struct tcp_counts
tcp_server_counts(const struct tcp_server *v)
{
	return tcp_connections_counts(&v->table);
}
