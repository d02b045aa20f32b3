#include "tcp_server.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lifecycle.h"
#include "tcp_listener.h"
#include "tcp_stream.h"
#include "tcp_time.h"

#define PLACE_BITS 8
_Static_assert(TCP_SERVER_CONNECTIONS_MAX == 1 << PLACE_BITS, "a place fits into a peer");
#define EVENTS 64
/* What epoll tells beside places. */
#define DATA_LISTENER TCP_SERVER_CONNECTIONS_MAX
#define DATA_WATCHED (TCP_SERVER_CONNECTIONS_MAX + 1)
/* A server that never sleeps looks at new connections, and for old ones, once in so many turns. */
#define TURNS_PER_LOOK 256
/* New connections in one look. */
#define ACCEPTS 64
#define STRANGER_NS (TCP_SERVER_STRANGER_MS * TCP_MS)

struct connection {
	struct tcp_stream stream; /* `fd` -1: nobody has this place */
	uint32_t generation;
	bool known;	    /* has said something valid */
	bool in_epoll;	    /* epoll tells of it */
	bool asks_for_room; /* and of room to send */
	uint64_t since;	    /* ns */
};

struct tcp_server {
	struct carrier carrier; /* first: what users hold is this */
	int listener;
	int epoll;
	int watched; /* the descriptor that wait() was given last; -1: none */
	bool sleeps;
	bool waited; /* wait() has looked since the last poll(), and `events` say what it saw */
	int event_count;
	struct epoll_event events[EVENTS];
	uint32_t turns;
	uint32_t places; /* from here on nobody has one */
	uint32_t open;
	uint32_t strangers;
	struct connection connections[TCP_SERVER_CONNECTIONS_MAX];
	struct tcp_counts counts;

	/* Of a poll(). */
	carrier_take *take;
	void *self;
};

static uint32_t
peer_of(const struct tcp_server *v, const struct connection *c)
{
	return c->generation << PLACE_BITS | (uint32_t)(c - v->connections);
}

static struct connection *
place_of(struct tcp_server *v, uint32_t peer)
{
	return &v->connections[peer & (TCP_SERVER_CONNECTIONS_MAX - 1)];
}

/* Whether the peer's connection is the one that has its place. */
static bool
is_here(struct tcp_server *v, uint32_t peer)
{
	const struct connection *c = place_of(v, peer);

	return c->stream.fd >= 0 && peer_of(v, c) == peer;
}

static int
epoll_set(const struct tcp_server *v, int action, int fd, uint32_t events, uint32_t data)
{
	struct epoll_event event = {.events = events, .data.u32 = data};

	return epoll_ctl(v->epoll, action, fd, &event);
}

/* Makes epoll tell what is of interest now. One that it cannot watch ends. */
static void
watch(struct tcp_server *v, struct connection *c)
{
	bool keeps = tcp_stream_keeps(&c->stream);
	uint32_t place = (uint32_t)(c - v->connections);

	if (c->in_epoll && c->asks_for_room == keeps)
		return;
	if (epoll_set(v, c->in_epoll ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->stream.fd,
			    keeps ? EPOLLIN | EPOLLOUT : EPOLLIN, place) != 0)
		c->stream.state = TCP_STREAM_CLOSED;
	c->in_epoll = true;
	c->asks_for_room = keeps;
}

static void
end(struct tcp_server *v, struct connection *c)
{
	tcp_stream_end(&c->stream, &v->counts);
	v->open--;
	if (!c->known)
		v->strangers--;
	while (v->places > 0 && v->connections[v->places - 1].stream.fd < 0)
		v->places--;
}

/* The first packet of a connection tells whether a client is there. */
static void
take_first(void *self, uint32_t peer, const uint8_t *packet, uint32_t bytes, uint64_t tick)
{
	struct tcp_server *v = self;
	struct connection *c = place_of(v, peer);
	struct packet p;

	if (!c->known) {
		enum packet_error error = packet_decode(&p, packet, bytes);

		/* One of another version is to hear why it is refused. */
		c->known = error == PACKET_OK || error == PACKET_VERSION;
		if (c->known)
			v->strangers--;
	}
	v->take(v->self, peer, packet, bytes, tick);
}

/* Returns how many packets came. */
static uint32_t
serve(struct tcp_server *v, struct connection *c)
{
	uint32_t came;

	tcp_stream_flush(&c->stream, &v->counts);
	came = c->known ? tcp_stream_receive(
					  &c->stream, peer_of(v, c), v->take, v->self, &v->counts)
			: tcp_stream_receive(&c->stream, peer_of(v, c), take_first, v, &v->counts);
	if (c->stream.state == TCP_STREAM_OPEN && c->in_epoll)
		watch(v, c);
	if (c->stream.state != TCP_STREAM_OPEN)
		end(v, c);
	return came;
}

/* The one that is there longest without having said anything valid; NULL: there is none. */
static struct connection *
oldest_stranger(struct tcp_server *v)
{
	struct connection *oldest = NULL;

	for (uint32_t i = 0; i < v->places; i++) {
		struct connection *c = &v->connections[i];

		if (c->stream.fd >= 0 && !c->known && (oldest == NULL || c->since < oldest->since))
			oldest = c;
	}
	return oldest;
}

static void
end_old_strangers(struct tcp_server *v)
{
	uint64_t now = tcp_now_ns();
	struct connection *c;

	while ((c = oldest_stranger(v)) != NULL && now - c->since > STRANGER_NS) {
		v->counts.drops[TCP_DROP_SILENT]++;
		end(v, c);
	}
}

/* A place for one more; NULL: all are taken by clients. */
static struct connection *
free_place(struct tcp_server *v)
{
	if (v->strangers >= TCP_SERVER_STRANGERS_MAX ||
			(v->open == TCP_SERVER_CONNECTIONS_MAX && v->strangers > 0)) {
		v->counts.drops[TCP_DROP_CROWDED]++;
		end(v, oldest_stranger(v));
	}
	for (uint32_t i = 0; i < TCP_SERVER_CONNECTIONS_MAX; i++)
		if (v->connections[i].stream.fd < 0)
			return &v->connections[i];
	return NULL;
}

static void
admit(struct tcp_server *v, int fd)
{
	struct connection *c = free_place(v);
	struct tcp_stream stream;

	if (c == NULL || tcp_stream_begin(&stream, fd) != 0) {
		v->counts.drops[TCP_DROP_CROWDED]++;
		(void)close(fd);
		return;
	}
	*c = (struct connection){
			.stream = stream, .generation = c->generation + 1, .since = tcp_now_ns()};
	if (c == v->connections + v->places)
		v->places++;
	v->open++;
	v->strangers++;
	v->counts.connections++;
}

/* Few connections are asked one by one where nobody sleeps: to be in epoll costs something for
 * every packet. */
static bool
asks_each(const struct tcp_server *v)
{
	return !v->sleeps && v->open <= TCP_ASK_EACH;
}

static void
watch_all(struct tcp_server *v)
{
	/* From the end: one that ends may make `places` fewer. */
	for (uint32_t i = v->places; i > 0; i--) {
		struct connection *c = &v->connections[i - 1];

		if (c->stream.fd < 0)
			continue;
		watch(v, c);
		if (c->stream.state != TCP_STREAM_OPEN)
			end(v, c);
	}
}

static void
accept_some(struct tcp_server *v)
{
	/* What is wrong with one that waits ends this look: the next one sees the others. */
	for (int i = 0; i < ACCEPTS; i++) {
		int fd = tcp_accept(v->listener);

		if (fd < 0)
			break;
		admit(v, fd);
	}
	if (!asks_each(v))
		watch_all(v);
}

static uint32_t
serve_each(struct tcp_server *v)
{
	uint32_t came = 0;

	for (uint32_t i = 0; i < v->places; i++)
		if (v->connections[i].stream.fd >= 0)
			came += serve(v, &v->connections[i]);
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
		uint32_t place = v->events[i].data.u32;

		if (place == DATA_LISTENER)
			accepts = true;
		else if (place < v->places && v->connections[place].stream.fd >= 0)
			came += serve(v, &v->connections[place]);
	}
	/* After the others: no event of this look is meant for who comes now. */
	if (accepts)
		accept_some(v);
	return came;
}

static void
ask_epoll(struct tcp_server *v, int timeout_ms)
{
	int n = epoll_wait(v->epoll, v->events, EVENTS, timeout_ms);

	/* A signal ends it as well: the user looks then. */
	v->event_count = n > 0 ? n : 0;
}

static int
server_send(struct carrier *carrier, uint32_t peer, const struct iovec *parts, int count)
{
	struct tcp_server *v = (struct tcp_server *)carrier;
	struct connection *c = place_of(v, peer);
	int result;

	if (!is_here(v, peer))
		return -ENOTCONN;
	result = tcp_stream_send(&c->stream, parts, count, &v->counts);
	/* One that ends over it is ended by poll(): this may be in the midst of what it sent. */
	if (result == 0 && c->in_epoll)
		watch(v, c);
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
	if (v->strangers > 0 && (v->sleeps || v->turns % TURNS_PER_LOOK == 0))
		end_old_strangers(v);
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
	uint64_t ms = (ns + TCP_MS - 1) / TCP_MS;

	watch_also(v, fd);
	/* Who says nothing is sent away in time. */
	if (v->strangers > 0 && ms > TCP_SERVER_STRANGER_MS / 4)
		ms = TCP_SERVER_STRANGER_MS / 4;
	ask_epoll(v, ms < INT32_MAX ? (int)ms : INT32_MAX);
	v->waited = true;
}

static bool
server_gone(struct carrier *carrier, uint32_t peer)
{
	struct tcp_server *v = (struct tcp_server *)carrier;

	return !is_here(v, peer);
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
	for (uint32_t i = 0; i < TCP_SERVER_CONNECTIONS_MAX; i++)
		v->connections[i].stream.fd = -1;
	v->epoll = epoll_create1(EPOLL_CLOEXEC);
	v->listener = tcp_listener_open(address);
	if (v->listener >= 0 && v->epoll >= 0 &&
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
	while (v->places > 0)
		end(v, &v->connections[v->places - 1]);
	if (v->listener >= 0)
		(void)close(v->listener);
	if (v->epoll >= 0)
		(void)close(v->epoll);
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
	struct tcp_counts counts = v->counts;

	for (uint32_t i = 0; i < v->places; i++)
		if (v->connections[i].stream.fd >= 0)
			tcp_stream_account(&v->connections[i].stream, &counts);
	return counts;
}
