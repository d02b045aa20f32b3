#include "echo_worker.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS 64
/* Turns without work, and of any kind, between two looks at the source, while connections are asked
 * one by one. */
#define IDLE_TURNS_PER_LOOK 256
#define TURNS_PER_LOOK 4096

struct connection {
	struct echo_stream stream;
	size_t index;	 /* in the worker's table */
	bool registered; /* in epoll */
	bool full;	 /* the peer does not read: waits for EPOLLOUT */
};

struct worker {
	const struct worker_options *options;
	struct worker_counts *counts;
	struct connection_source *source;
	int epoll;
	bool asks_each;	  /* recv() on each connection, instead of epoll */
	bool source_gone; /* there will be no more connections: the worker ends */
	struct connection **connections;
	size_t count;
	size_t capacity;
};

static int
epoll_set(struct worker *w, int action, int fd, uint32_t events, void *data)
{
	struct epoll_event event = {.events = events, .data.ptr = data};

	if (epoll_ctl(w->epoll, action, fd, &event) == 0)
		return 0;
	complain("epoll: %s", strerror(errno));
	return -1;
}

static int
register_connection(struct worker *w, struct connection *c)
{
	if (c->registered)
		return 0;
	c->registered = true;
	return epoll_set(w, EPOLL_CTL_ADD, c->stream.fd, c->full ? EPOLLOUT : EPOLLIN, c);
}

/* Registration in epoll costs something for every packet: it is left out while connections are
 * asked one by one. */
static int
choose_way(struct worker *w)
{
	w->asks_each = w->options->mode == TCP_POLL && w->count <= TCP_ASK_EACH;
	for (size_t i = 0; !w->asks_each && i < w->count; i++)
		if (register_connection(w, w->connections[i]) != 0)
			return -1;
	return 0;
}

static void
close_connection(struct worker *w, struct connection *c, uint64_t *undelivered)
{
	struct echo_stream *e = &c->stream;
	uint64_t received = echo_stream_received(e);
	uint64_t returned = echo_stream_returned(e);

	w->counts->received += received;
	w->counts->returned += returned;
	*undelivered += received - returned;
	w->counts->rx_bytes += e->rx_bytes;
	w->counts->tx_bytes += e->tx_bytes;
	w->counts->partial_bytes += echo_stream_partial(e);
	(void)tcp_facts_add(&w->counts->tcp, e->fd);
	w->count--;
	w->connections[c->index] = w->connections[w->count];
	w->connections[c->index]->index = c->index;
	echo_stream_end(e);
	free(c);
}

static int
add_connection(struct worker *w, int fd, size_t size)
{
	struct connection *c = calloc(1, sizeof(*c));

	if (w->count == w->capacity) {
		size_t capacity = w->capacity > 0 ? 2 * w->capacity : 16;
		struct connection **grown = realloc(w->connections, capacity * sizeof(*grown));

		if (grown == NULL) {
			free(c);
			return -1;
		}
		w->connections = grown;
		w->capacity = capacity;
	}
	if (c == NULL || echo_stream_begin(&c->stream, fd, size) != 0) {
		free(c);
		return -1;
	}
	if (w->options->framing != NULL)
		echo_stream_frame(&c->stream, w->options->framing);
	c->index = w->count;
	w->connections[w->count++] = c;
	w->counts->connections++;
	return 0;
}

static int
accept_all(struct worker *w)
{
	for (;;) {
		size_t size = 0;
		int fd = w->source->next(w->source, &size);

		if (fd < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return choose_way(w);
		/* accept(2): errors of a connection that went away before it was taken are not
		 * ours. */
		if (fd < 0 && (errno == ECONNABORTED || errno == EINTR || errno == EPROTO ||
					      errno == ECONNRESET))
			continue;
		if (fd < 0) {
			w->source_gone = errno == EPIPE;
			if (!w->source_gone)
				complain("cannot accept a connection: %s", strerror(errno));
			return -1;
		}
		if (add_connection(w, fd, size) != 0) {
			complain("no memory for connection %zu", w->count);
			(void)close(fd);
			return -1;
		}
	}
}

/* 1: worked, 0: nothing to do, -1: failed. */
static int
serve(struct worker *w, struct connection *c)
{
	enum echo_result result = echo_stream_step(&c->stream, w->options->delay);
	bool full = result == ECHO_FULL;

	if (result == ECHO_CLOSED || result == ECHO_FAILED) {
		w->counts->broken += result == ECHO_FAILED && errno == EPROTO;
		close_connection(w, c, &w->counts->peer_closed);
		return 1;
	}
	if (full != c->full && result != ECHO_NOTHING) {
		c->full = full;
		if (c->registered && epoll_set(w, EPOLL_CTL_MOD, c->stream.fd,
						     full ? EPOLLOUT : EPOLLIN, c) != 0)
			return -1;
	}
	return result == ECHO_WORKED;
}

static int
ask_each(struct worker *w)
{
	int worked = 0;

	/* From the end: closing one puts the last into its place. */
	for (size_t i = w->count; i > 0; i--) {
		int result = serve(w, w->connections[i - 1]);

		if (result < 0)
			return -1;
		worked |= result;
	}
	return worked;
}

static int
ask_epoll(struct worker *w, int timeout_ms)
{
	struct epoll_event events[EVENTS];
	int count = epoll_wait(w->epoll, events, EVENTS, timeout_ms);

	if (count < 0) {
		if (errno == EINTR)
			return 0;
		complain("epoll: %s", strerror(errno));
		return -1;
	}
	for (int i = 0; i < count; i++) {
		int result;

		if (events[i].data.ptr == w)
			result = accept_all(w);
		else if (events[i].data.ptr == NULL)
			result = 0; /* a stop was asked for */
		else
			result = serve(w, events[i].data.ptr);
		if (result < 0)
			return -1;
	}
	return count > 0;
}

/* Whether this turn is one of those that look at the source. */
static bool
looks(const struct worker *w, bool worked, uint32_t turns, uint32_t idle_turns)
{
	if (turns % TURNS_PER_LOOK == 0)
		return true;
	/* Turns that sleep are too few to be counted by the hundred. */
	if (loop_sleeps(&w->options->shape, worked))
		return true;
	return !worked && (w->count == 0 || idle_turns % IDLE_TURNS_PER_LOOK == 0);
}

static int
ask(struct worker *w, uint32_t *turns, uint32_t *idle_turns)
{
	int worked;

	if (w->options->mode == TCP_BLOCK)
		return ask_epoll(w, -1);
	worked = w->asks_each ? ask_each(w) : ask_epoll(w, 0);
	if (worked < 0)
		return -1;
	++*turns;
	if (worked == 0)
		++*idle_turns;
	if (w->asks_each && looks(w, worked > 0, *turns, *idle_turns) && accept_all(w) < 0)
		return -1;
	return worked;
}

static int
serve_all(struct worker *w)
{
	uint32_t turns = 0, idle_turns = 0;

	while (!lifecycle_stopping()) {
		int worked = ask(w, &turns, &idle_turns);

		if (worked < 0)
			return -1;
		/* Who sleeps in epoll has no idle turns. */
		if (w->options->mode == TCP_POLL || worked > 0)
			loop_rest(&w->options->shape, worked > 0);
	}
	return 0;
}

enum worker_end
worker_run(const struct worker_options *o, struct connection_source *source,
		struct worker_counts *counts)
{
	struct worker w = {.options = o, .counts = counts, .source = source};
	int result = -1;

	w.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (w.epoll < 0) {
		complain("epoll: %s", strerror(errno));
		return WORKER_FAILED;
	}
	if (epoll_set(&w, EPOLL_CTL_ADD, source->fd, EPOLLIN, &w) == 0 &&
			epoll_set(&w, EPOLL_CTL_ADD, lifecycle_stop_fd(), EPOLLIN, NULL) == 0 &&
			choose_way(&w) == 0)
		result = serve_all(&w);
	while (w.count > 0)
		close_connection(&w, w.connections[w.count - 1], &counts->stopped);
	free(w.connections);
	(void)close(w.epoll);
	if (result == 0)
		return WORKER_STOPPED;
	return w.source_gone ? WORKER_SOURCE_GONE : WORKER_FAILED;
}

void
worker_report(struct stats *s, const struct worker_options *o, const struct worker_counts *c,
		unsigned int worker, const char *driver)
{
	stats_string(s, "mode", o->mode == TCP_BLOCK ? "block" : "poll");
	stats_string(s, "idle", o->shape.idle == IDLE_YIELD ? "yield" : "spin");
	stats_count(s, "connections", c->connections);
	stats_array_begin(s, "queues");
	stats_object_begin(s, NULL);
	stats_count(s, "port", 0);
	stats_count(s, "queue", worker);
	stats_string(s, "driver", driver);
	stats_count(s, "rx_packets", c->received);
	stats_count(s, "tx_packets", c->returned);
	stats_count(s, "rx_bytes", c->rx_bytes);
	stats_count(s, "tx_bytes", c->tx_bytes);
	stats_object_begin(s, "drops");
	stats_count(s, "peer_closed", c->peer_closed);
	stats_count(s, "stopped", c->stopped);
	stats_object_end(s);
	stats_object_end(s);
	stats_array_end(s);
	stats_object_begin(s, "accounting");
	stats_count(s, "in", c->received);
	stats_count(s, "out", c->returned);
	stats_count(s, "drops", c->peer_closed + c->stopped);
	stats_object_end(s);
	stats_count(s, "partial_bytes", c->partial_bytes);
	stats_object_begin(s, "tcp");
	stats_count(s, "retransmits", c->tcp.retransmits);
	stats_count(s, "mss", c->tcp.mss);
	stats_string(s, "congestion", c->tcp.congestion);
	stats_object_end(s);
}
