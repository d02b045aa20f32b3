#define _GNU_SOURCE
#include "dispatcher.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control.h"
#include "relay.h"

#define EVENTS 64

/* Somebody at the Unix socket who has not said yet which worker it is. */
struct candidate {
	struct watch watch;
	struct dispatcher *dispatcher;
};

const char *
dispatch_drop_name(enum dispatch_drop reason)
{
	static const char *const names[DISPATCH_DROPS] = {
			[DROP_NO_WORKER] = "no_worker",
			[DROP_WORKER_BUSY] = "worker_busy",
			[DROP_PEER_CLOSED] = "peer_closed",
			[DROP_STOPPED] = "stopped",
	};

	return names[reason];
}

void
dispatcher_fail(struct dispatcher *d, const char *what)
{
	if (!d->failed)
		complain("%s: %s", what, strerror(errno));
	d->failed = true;
}

struct member *
dispatcher_next(struct dispatcher *d)
{
	for (unsigned int i = 0; i < d->options->workers; i++) {
		struct member *m = &d->members[(d->next + i) % d->options->workers];

		if (m->open)
			return m;
	}
	return NULL;
}

/* A worker left, as it was asked to, or died. */
static void
on_control(struct watch *w, uint32_t events)
{
	struct member *m = (struct member *)w;
	struct control c = {0};
	int fd = -1;
	enum control_result result = control_receive(w->fd, &c, &fd);

	(void)events;
	if (fd >= 0)
		(void)close(fd);
	if (result == CONTROL_NOTHING)
		return;
	if (result != CONTROL_GOT || c.kind != CONTROL_BYE) {
		complain("worker %u is gone: ending, and the others with it", m->number);
		m->dispatcher->worker_died = true;
	}
	m->open = false;
	(void)watch_set(m->dispatcher->epoll, w, 0);
	(void)close(w->fd);
	w->fd = -1;
}

static void
refuse(struct candidate *c, enum control_refusal why)
{
	struct control refusal = {.kind = CONTROL_REFUSED, .value = why};

	(void)control_send(c->watch.fd, &refusal, -1);
	(void)close(c->watch.fd);
}

/* Makes a candidate worker `number`. */
static void
welcome(struct candidate *c, uint32_t number)
{
	struct dispatcher *d = c->dispatcher;
	struct control welcome = {.kind = CONTROL_WELCOME};
	struct member *m;

	if (number >= d->options->workers) {
		refuse(c, REFUSED_NUMBER);
		return;
	}
	m = &d->members[number];
	if (m->control.fd >= 0) {
		refuse(c, REFUSED_TAKEN);
		return;
	}
	m->control = (struct watch){.ready = on_control, .fd = c->watch.fd};
	if (control_send(m->control.fd, &welcome, -1) != CONTROL_GOT ||
			watch_set(d->epoll, &m->control, EPOLLIN) != 0 ||
			(d->options->way == DISPATCH_RELAY && !relay_open_stream(m))) {
		dispatcher_fail(d, "cannot take a worker in");
		return;
	}
	m->open = true;
	if (++d->joined == d->options->workers && watch_set(d->epoll, &d->listener, EPOLLIN) != 0)
		dispatcher_fail(d, "epoll");
}

static void
on_candidate(struct watch *w, uint32_t events)
{
	struct candidate *candidate = (struct candidate *)w;
	struct control c = {0};
	int fd = -1;
	enum control_result result = control_receive(w->fd, &c, &fd);

	(void)events;
	if (fd >= 0)
		(void)close(fd);
	if (result == CONTROL_NOTHING)
		return;
	(void)watch_set(candidate->dispatcher->epoll, w, 0);
	if (result == CONTROL_GOT && c.kind == CONTROL_JOIN)
		welcome(candidate, c.value);
	else
		(void)close(w->fd); /* no worker of ours, or of another version: it is told by that
				     */
	free(candidate);
}

static void
on_joining(struct watch *w, uint32_t events)
{
	struct dispatcher *d =
			(struct dispatcher *)((char *)w - offsetof(struct dispatcher, joining));
	int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct candidate *c;

	(void)events;
	if (fd < 0)
		return; /* it went away again */
	c = calloc(1, sizeof(*c));
	if (c == NULL) {
		(void)close(fd);
		return;
	}
	c->watch = (struct watch){.ready = on_candidate, .fd = fd};
	c->dispatcher = d;
	if (watch_set(d->epoll, &c->watch, EPOLLIN) != 0)
		dispatcher_fail(d, "epoll");
}

/* Gives a connection to the next worker, whose it is then. */
static void
hand_off(struct dispatcher *d, int fd)
{
	struct control c = {.kind = CONTROL_CONNECTION, .value = (uint32_t)d->options->size};
	struct member *m = dispatcher_next(d);

	d->counts.in++;
	if (m == NULL) {
		d->counts.drops[DROP_NO_WORKER]++;
	} else {
		d->next = m->number + 1;
		m->counts.in++;
		if (control_send(m->control.fd, &c, fd) == CONTROL_GOT) {
			m->counts.out++;
			d->counts.out++;
		} else {
			m->counts.drops[DROP_WORKER_BUSY]++;
			d->counts.drops[DROP_WORKER_BUSY]++;
		}
	}
	(void)close(fd);
}

static void
on_listener(struct watch *w, uint32_t events)
{
	struct dispatcher *d =
			(struct dispatcher *)((char *)w - offsetof(struct dispatcher, listener));
	int fd;

	(void)events;
	while ((fd = tcp_accept(w->fd)) >= 0) {
		d->connections++;
		if (d->options->way == DISPATCH_HANDOFF)
			hand_off(d, fd);
		else if (!relay_add(d, fd))
			dispatcher_fail(d, "cannot take a connection");
	}
	if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
		dispatcher_fail(d, "cannot accept a connection");
}

static void
on_stop(struct watch *w, uint32_t events)
{
	(void)w;
	(void)events; /* the loop looks itself */
}

bool
dispatcher_begin(struct dispatcher *d, const struct dispatcher_options *o)
{
	enum tcp_spread unused;

	*d = (struct dispatcher){
			.options = o,
			.epoll = epoll_create1(EPOLL_CLOEXEC),
			.stop = {.ready = on_stop, .fd = lifecycle_stop_fd()},
			.listener = {.ready = on_listener, .fd = -1},
			.joining = {.ready = on_joining, .fd = -1},
	};
	for (unsigned int i = 0; i < o->workers; i++)
		d->members[i] = (struct member){
				.control.fd = -1,
				.stream.fd = -1,
				.dispatcher = d,
				.number = i,
		};
	if (d->epoll < 0) {
		dispatcher_fail(d, "epoll");
		return false;
	}
	d->listener.fd = tcp_listen(&o->address, 1, &unused);
	d->joining.fd = d->listener.fd >= 0 ? control_listen(o->socket) : -1;
	if (d->joining.fd < 0)
		return false;
	if (watch_set(d->epoll, &d->joining, EPOLLIN) == 0 &&
			watch_set(d->epoll, &d->stop, EPOLLIN) == 0)
		return true;
	dispatcher_fail(d, "epoll");
	return false;
}

void
dispatcher_run(struct dispatcher *d)
{
	struct epoll_event events[EVENTS];
	int wait_ms = d->options->mode == TCP_BLOCK ? -1 : 0;

	while (!lifecycle_stopping() && !d->failed && !d->worker_died) {
		int n = epoll_wait(d->epoll, events, EVENTS, wait_ms);

		if (n < 0 && errno != EINTR)
			dispatcher_fail(d, "epoll");
		for (int i = 0; i < n; i++) {
			struct watch *w = events[i].data.ptr;

			w->ready(w, events[i].events);
		}
		if (n > 0 && d->options->way == DISPATCH_RELAY)
			relay_flush(d);
		if (n == 0)
			idle_wait(d->options->idle);
	}
}

void
dispatcher_end(struct dispatcher *d)
{
	if (d->options->way == DISPATCH_RELAY)
		relay_end(d);
	for (unsigned int i = 0; i < d->options->workers; i++)
		if (d->members[i].control.fd >= 0)
			(void)close(d->members[i].control.fd);
	if (d->listener.fd >= 0)
		(void)close(d->listener.fd);
	if (d->joining.fd >= 0) {
		(void)close(d->joining.fd);
		(void)unlink(d->options->socket);
	}
	if (d->epoll >= 0)
		(void)close(d->epoll);
}
