#include "relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control.h"

/* Bytes taken from a socket at once, and what may wait for one that does not read. */
#define AT_ONCE 65536
#define MOST_QUEUED (4 * AT_ONCE)

/* A TCP connection. */
struct peer {
	struct watch watch;
	struct dispatcher *dispatcher;
	struct relay_address address;
	struct byte_queue from; /* not yet given to a worker */
	struct byte_queue to;	/* answers */
	uint64_t rx_bytes;
	uint64_t tx_bytes;
	uint64_t answers;
	bool waits; /* for a worker that takes no more */
	bool dirty;
	struct peer *next_dirty;
	struct peer *next_closed;
};

static void
watch_peer(struct peer *p)
{
	bool reads = !p->waits && byte_queue_length(&p->to) < MOST_QUEUED;
	bool writes = byte_queue_length(&p->to) > 0;

	if (watch_set(p->dispatcher->epoll, &p->watch,
			    (reads ? EPOLLIN : 0) | (writes ? EPOLLOUT : 0)) != 0)
		dispatcher_fail(p->dispatcher, "epoll");
}

/* `undelivered`: what counts the messages that came and whose answers did not go back whole. */
static void
close_peer(struct peer *p, uint64_t *undelivered)
{
	struct dispatcher *d = p->dispatcher;
	size_t size = d->options->size;
	uint64_t waiting = byte_queue_length(&p->from) / size;

	d->counts.in += p->rx_bytes / size;
	d->counts.out += p->tx_bytes / size;
	*undelivered += waiting + p->answers - p->tx_bytes / size;
	d->rx_bytes += p->rx_bytes;
	d->tx_bytes += p->tx_bytes;
	d->partial_bytes += p->rx_bytes % size;
	(void)tcp_facts_add(&d->tcp, p->watch.fd);
	(void)watch_set(d->epoll, &p->watch, 0);
	(void)close(p->watch.fd);
	p->watch.fd = -1;
	d->peers[p->address.place] = NULL;
	d->generations[p->address.place]++;
	/* Events of this turn may still name it. */
	p->next_closed = d->closed;
	d->closed = p;
}

/* Gives the whole messages of a connection to the workers, in turn, as far as they take them. */
static void
deal_out(struct peer *p)
{
	struct dispatcher *d = p->dispatcher;
	size_t size = d->options->size;

	p->waits = false;
	while (byte_queue_length(&p->from) >= size) {
		struct member *m = dispatcher_next(d);

		if (m == NULL || byte_queue_length(&m->to) > MOST_QUEUED) {
			p->waits = true;
			return;
		}
		if (!relay_frame_put(&m->to, p->address, byte_queue_first(&p->from), size)) {
			dispatcher_fail(d, "no memory for a message");
			return;
		}
		m->counts.in++;
		d->next = m->number + 1;
		byte_queue_drop(&p->from, size);
	}
}

static void
on_peer(struct watch *w, uint32_t events)
{
	struct peer *p = (struct peer *)w;
	struct dispatcher *d = p->dispatcher;
	enum stream_result result = STREAM_NOTHING;

	if (p->watch.fd < 0)
		return;
	if ((events & EPOLLOUT) != 0)
		result = byte_queue_send(&p->to, w->fd, &p->tx_bytes);
	if ((events & ~(uint32_t)EPOLLOUT) != 0 && result != STREAM_CLOSED &&
			result != STREAM_FAILED) {
		size_t before = byte_queue_length(&p->from);

		result = byte_queue_receive(&p->from, w->fd, AT_ONCE);
		p->rx_bytes += byte_queue_length(&p->from) - before;
	}
	if (result == STREAM_CLOSED || result == STREAM_FAILED) {
		close_peer(p, &d->counts.drops[DROP_PEER_CLOSED]);
		return;
	}
	deal_out(p);
	watch_peer(p);
}

static bool
make_place(struct dispatcher *d, uint32_t *place)
{
	uint32_t capacity = d->peer_capacity > 0 ? 2 * d->peer_capacity : 16;
	struct peer **peers;
	uint32_t *generations;

	for (*place = 0; *place < d->peer_capacity; ++*place)
		if (d->peers[*place] == NULL)
			return true;
	peers = realloc(d->peers, capacity * sizeof(struct peer *));
	if (peers == NULL)
		return false;
	d->peers = peers;
	generations = realloc(d->generations, capacity * sizeof(*generations));
	if (generations == NULL)
		return false;
	d->generations = generations;
	for (uint32_t i = d->peer_capacity; i < capacity; i++) {
		peers[i] = NULL;
		generations[i] = 0;
	}
	d->peer_capacity = capacity;
	return true;
}

bool
relay_add(struct dispatcher *d, int fd)
{
	struct peer *p = calloc(1, sizeof(*p));
	uint32_t place = 0;

	if (p == NULL || !make_place(d, &place)) {
		free(p);
		(void)close(fd);
		errno = ENOMEM;
		return false;
	}
	p->watch = (struct watch){.ready = on_peer, .fd = fd};
	p->dispatcher = d;
	p->address = (struct relay_address){place, d->generations[place]};
	d->peers[place] = p;
	watch_peer(p);
	return true;
}

/* Puts an answer to where its message came from. */
static void
answer(struct dispatcher *d, struct relay_address of, const uint8_t *message)
{
	size_t size = d->options->size;
	struct peer *p = of.place < d->peer_capacity ? d->peers[of.place] : NULL;
	uint8_t *room;

	if (p == NULL || p->address.generation != of.generation) {
		d->counts.drops[DROP_PEER_CLOSED]++;
		return;
	}
	room = byte_queue_room(&p->to, size);
	if (room == NULL) {
		dispatcher_fail(d, "no memory for an answer");
		return;
	}
	memcpy(room, message, size);
	byte_queue_added(&p->to, size);
	p->answers++;
	if (!p->dirty) {
		p->dirty = true;
		p->next_dirty = d->dirty;
		d->dirty = p;
	}
}

/* Those that wait for a worker may go on. */
static void
resume_waiting(struct dispatcher *d)
{
	for (uint32_t i = 0; i < d->peer_capacity; i++) {
		struct peer *p = d->peers[i];

		if (p != NULL && p->waits) {
			deal_out(p);
			watch_peer(p);
		}
	}
}

static void
close_stream(struct member *m)
{
	(void)watch_set(m->dispatcher->epoll, &m->stream, 0);
	(void)close(m->stream.fd);
	m->stream.fd = -1;
	/* Whether it left or died, its control socket says. */
	m->open = false;
}

/* Sends frames to a worker; watches for room while it takes no more. */
static void
push(struct member *m)
{
	bool was_full = byte_queue_length(&m->to) > MOST_QUEUED;
	enum stream_result result = byte_queue_send(&m->to, m->stream.fd, &m->sent_bytes);

	if (result == STREAM_CLOSED || result == STREAM_FAILED) {
		close_stream(m);
		return;
	}
	if (watch_set(m->dispatcher->epoll, &m->stream,
			    EPOLLIN | (byte_queue_length(&m->to) > 0 ? EPOLLOUT : 0)) != 0)
		dispatcher_fail(m->dispatcher, "epoll");
	if (was_full && byte_queue_length(&m->to) <= MOST_QUEUED)
		resume_waiting(m->dispatcher);
}

static void
on_stream(struct watch *w, uint32_t events)
{
	struct member *m = (struct member *)((char *)w - offsetof(struct member, stream));
	size_t size = m->dispatcher->options->size;
	struct relay_address of;
	const uint8_t *message;
	enum stream_result result;

	if (m->stream.fd < 0)
		return;
	if ((events & EPOLLOUT) != 0)
		push(m);
	if (m->stream.fd < 0 || (events & ~(uint32_t)EPOLLOUT) == 0)
		return;
	result = byte_queue_receive(&m->from, m->stream.fd, AT_ONCE);
	while (relay_frame_peek(&m->from, size, &of, &message)) {
		m->counts.out++;
		answer(m->dispatcher, of, message);
		byte_queue_drop(&m->from, RELAY_HEADER_BYTES + size);
	}
	if (result == STREAM_CLOSED || result == STREAM_FAILED)
		close_stream(m);
}

bool
relay_open_stream(struct member *m)
{
	const struct dispatcher *d = m->dispatcher;
	struct control c = {
			.kind = CONTROL_RELAY,
			.value = (uint32_t)(RELAY_HEADER_BYTES + d->options->size),
	};
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0)
		return false;
	m->stream = (struct watch){.ready = on_stream, .fd = ends[0]};
	if (control_send(m->control.fd, &c, ends[1]) == CONTROL_GOT &&
			watch_set(d->epoll, &m->stream, EPOLLIN) == 0) {
		(void)close(ends[1]);
		return true;
	}
	(void)close(ends[0]);
	(void)close(ends[1]);
	m->stream.fd = -1;
	return false;
}

void
relay_flush(struct dispatcher *d)
{
	for (unsigned int i = 0; i < d->options->workers; i++)
		if (d->members[i].open && byte_queue_length(&d->members[i].to) > 0)
			push(&d->members[i]);
	while (d->dirty != NULL) {
		struct peer *p = d->dirty;

		d->dirty = p->next_dirty;
		p->dirty = false;
		if (p->watch.fd < 0)
			continue;
		/* A connection that is gone is noticed by its event. */
		(void)byte_queue_send(&p->to, p->watch.fd, &p->tx_bytes);
		watch_peer(p);
	}
	while (d->closed != NULL) {
		struct peer *p = d->closed;

		d->closed = p->next_closed;
		byte_queue_free(&p->from);
		byte_queue_free(&p->to);
		free(p);
	}
}

void
relay_end(struct dispatcher *d)
{
	for (uint32_t i = 0; i < d->peer_capacity; i++)
		if (d->peers[i] != NULL)
			close_peer(d->peers[i], &d->counts.drops[DROP_STOPPED]);
	for (unsigned int i = 0; i < d->options->workers; i++) {
		struct member *m = &d->members[i];

		m->counts.drops[DROP_STOPPED] = m->counts.in - m->counts.out;
		d->counts.drops[DROP_STOPPED] += m->counts.drops[DROP_STOPPED];
		if (m->stream.fd >= 0)
			close_stream(m);
		byte_queue_free(&m->to);
		byte_queue_free(&m->from);
	}
	d->dirty = NULL;
	relay_flush(d);
	free(d->peers);
	free(d->generations);
}
