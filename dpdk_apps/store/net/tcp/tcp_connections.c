#include "tcp_connections.h"

#include <sys/epoll.h>
#include <unistd.h>

#include "tcp_time.h"

#define PLACE_BITS 8
_Static_assert(TCP_SERVER_CONNECTIONS_MAX == 1 << PLACE_BITS, "a place fits into a peer");
#define STRANGER_NS (TCP_SERVER_STRANGER_MS * TCP_MS)

void
tcp_connections_begin(struct tcp_connections *t)
{
	*t = (struct tcp_connections){.epoll = -1};
	for (uint32_t i = 0; i < TCP_SERVER_CONNECTIONS_MAX; i++)
		t->all[i].stream.fd = -1;
}

void
tcp_connections_end(struct tcp_connections *t)
{
	while (t->places > 0)
		tcp_connection_end(t, &t->all[t->places - 1]);
}

struct tcp_connection *
tcp_connections_at(struct tcp_connections *t, uint32_t place)
{
	return place < t->places && t->all[place].stream.fd >= 0 ? &t->all[place] : NULL;
}

struct tcp_connection *
tcp_connections_of(struct tcp_connections *t, uint32_t peer)
{
	struct tcp_connection *c = tcp_connections_at(t, peer & (TCP_SERVER_CONNECTIONS_MAX - 1));

	return c != NULL && tcp_connection_peer(t, c) == peer ? c : NULL;
}

uint32_t
tcp_connection_peer(const struct tcp_connections *t, const struct tcp_connection *c)
{
	return c->generation << PLACE_BITS | (uint32_t)(c - t->all);
}

/* The one that is a stranger for longest; NULL: there is none. */
static struct tcp_connection *
oldest_stranger(struct tcp_connections *t)
{
	struct tcp_connection *oldest = NULL;

	for (uint32_t i = 0; i < t->places; i++) {
		struct tcp_connection *c = &t->all[i];

		if (c->stream.fd >= 0 && !c->known && (oldest == NULL || c->since < oldest->since))
			oldest = c;
	}
	return oldest;
}

/* A place for one more; NULL: all are taken by clients. */
static struct tcp_connection *
free_place(struct tcp_connections *t)
{
	if (t->strangers >= TCP_SERVER_STRANGERS_MAX ||
			(t->open == TCP_SERVER_CONNECTIONS_MAX && t->strangers > 0)) {
		t->counts.drops[TCP_DROP_CROWDED]++;
		tcp_connection_end(t, oldest_stranger(t));
	}
	for (uint32_t i = 0; i < TCP_SERVER_CONNECTIONS_MAX; i++)
		if (t->all[i].stream.fd < 0)
			return &t->all[i];
	return NULL;
}

void
tcp_connections_admit(struct tcp_connections *t, int fd)
{
	struct tcp_connection *c = free_place(t);
	struct tcp_stream stream;

	if (c == NULL || tcp_stream_begin(&stream, fd) != 0) {
		t->counts.drops[TCP_DROP_CROWDED]++;
		(void)close(fd);
		return;
	}
	*c = (struct tcp_connection){
			.stream = stream, .generation = c->generation + 1, .since = tcp_now_ns()};
	if (c == t->all + t->places)
		t->places++;
	t->open++;
	t->strangers++;
	t->counts.connections++;
}

void
tcp_connection_showed(struct tcp_connections *t, struct tcp_connection *c, const uint8_t *packet,
		uint32_t bytes)
{
	struct packet p;
	enum packet_error error = packet_decode(&p, packet, bytes);

	/* One of another version is to hear why it is refused. */
	if (c->known || (error != PACKET_OK && error != PACKET_VERSION))
		return;
	c->known = true;
	t->strangers--;
}

void
tcp_connection_watch(const struct tcp_connections *t, struct tcp_connection *c)
{
	bool keeps = tcp_stream_keeps(&c->stream);
	struct epoll_event event = {.events = keeps ? EPOLLIN | EPOLLOUT : EPOLLIN,
			.data.u32 = (uint32_t)(c - t->all)};

	if (c->in_epoll && c->asks_for_room == keeps)
		return;
	if (epoll_ctl(t->epoll, c->in_epoll ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->stream.fd,
			    &event) != 0)
		c->stream.state = TCP_STREAM_CLOSED;
	c->in_epoll = true;
	c->asks_for_room = keeps;
}

void
tcp_connections_watch(struct tcp_connections *t)
{
	/* From the end: one that ends may make `places` fewer. */
	for (uint32_t i = t->places; i > 0; i--) {
		struct tcp_connection *c = tcp_connections_at(t, i - 1);

		if (c == NULL)
			continue;
		tcp_connection_watch(t, c);
		if (c->stream.state != TCP_STREAM_OPEN)
			tcp_connection_end(t, c);
	}
}

void
tcp_connection_end(struct tcp_connections *t, struct tcp_connection *c)
{
	tcp_stream_end(&c->stream, &t->counts);
	t->open--;
	if (!c->known)
		t->strangers--;
	while (t->places > 0 && t->all[t->places - 1].stream.fd < 0)
		t->places--;
}

void
tcp_connections_expire(struct tcp_connections *t)
{
	uint64_t now = tcp_now_ns();
	struct tcp_connection *c;

	while ((c = oldest_stranger(t)) != NULL && now - c->since > STRANGER_NS) {
		t->counts.drops[TCP_DROP_SILENT]++;
		tcp_connection_end(t, c);
	}
}

struct tcp_counts
tcp_connections_counts(const struct tcp_connections *t)
{
	struct tcp_counts counts = t->counts;

	for (uint32_t i = 0; i < t->places; i++)
		if (t->all[i].stream.fd >= 0)
			tcp_stream_account(&t->all[i].stream, &counts);
	return counts;
}
