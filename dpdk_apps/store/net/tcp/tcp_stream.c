#include "tcp_stream.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "wire.h"

/* Of a packet; users of carriers have two. */
#define PARTS_MAX 7
#define WHOLE_MOST (TCP_STREAM_LENGTH_BYTES + (size_t)TCP_STREAM_MOST)
/* The first length is here, so that behind it a header, and its payload, are aligned to 8. */
#define IN_FIRST 4
/* A packet, and those that came joined to it. */
#define IN_BYTES (IN_FIRST + WHOLE_MOST + 65536)

/* A peer that takes or acknowledges nothing for so long is gone; one from which nothing comes is
 * asked by the kernel. */
#define UNACKNOWLEDGED_MS 5000
#define KEEPALIVE_S 5

const char *const tcp_drop_names[TCP_DROPS] = {
		"bad_length", "silent", "crowded", "cut_off", "unsent"};

static bool
set_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

static bool
set_options(int fd)
{
	return set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1) &&
	       set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS) &&
	       set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_S) &&
	       set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_S) &&
	       set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}

int
tcp_stream_begin(struct tcp_stream *s, int fd)
{
	/* Not touched before it is needed. */
	uint8_t *in = malloc(IN_BYTES);
	uint8_t *kept = malloc(WHOLE_MOST);

	if (in == NULL || kept == NULL || !set_options(fd)) {
		free(in);
		free(kept);
		return -1;
	}
	*s = (struct tcp_stream){.fd = fd,
			.state = TCP_STREAM_OPEN,
			.in = in,
			.kept = kept,
			.begin = IN_FIRST,
			.end = IN_FIRST};
	return 0;
}

void
tcp_stream_account(const struct tcp_stream *s, struct tcp_counts *counts)
{
	if (s->state == TCP_STREAM_NONSENSE)
		counts->drops[TCP_DROP_LENGTH]++;
	else if (s->begin < s->end)
		counts->drops[TCP_DROP_CUT]++;
	if (tcp_stream_keeps(s))
		counts->drops[TCP_DROP_UNSENT]++;
	(void)tcp_facts_add(&counts->facts, s->fd);
}

void
tcp_stream_end(struct tcp_stream *s, struct tcp_counts *counts)
{
	tcp_stream_account(s, counts);
	(void)close(s->fd);
	free(s->in);
	free(s->kept);
	*s = (struct tcp_stream){.fd = -1, .state = TCP_STREAM_CLOSED};
}

/* Copies what is behind the first `sent` bytes of the packet. */
static void
keep(struct tcp_stream *s, const struct iovec *parts, int count, size_t sent)
{
	s->kept_begin = 0;
	s->kept_end = 0;
	for (int i = 0; i < count; i++) {
		size_t n = parts[i].iov_len;
		size_t gone = sent < n ? sent : n;

		sent -= gone;
		if (gone == n)
			continue;
		memcpy(s->kept + s->kept_end, (const uint8_t *)parts[i].iov_base + gone, n - gone);
		s->kept_end += n - gone;
	}
}

/* Bytes that the socket took; the connection may have ended over it. */
static size_t
send_some(struct tcp_stream *s, struct iovec *parts, int count, struct tcp_counts *counts)
{
	const struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
	ssize_t sent;

	do
		sent = sendmsg(s->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0) {
		if (errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS)
			s->state = TCP_STREAM_CLOSED;
		return 0;
	}
	counts->tx_bytes += (uint64_t)sent;
	return (size_t)sent;
}

int
tcp_stream_send(struct tcp_stream *s, const struct iovec *parts, int count,
		struct tcp_counts *counts)
{
	uint8_t length[TCP_STREAM_LENGTH_BYTES];
	struct iovec all[1 + PARTS_MAX] = {{.iov_base = length, .iov_len = sizeof(length)}};
	size_t bytes = 0;
	size_t sent;

	if (s->state != TCP_STREAM_OPEN)
		return -ENOTCONN;
	if (count > PARTS_MAX)
		return -EMSGSIZE;
	for (int i = 0; i < count; i++) {
		if (parts[i].iov_len > TCP_STREAM_MOST - bytes)
			return -EMSGSIZE;
		bytes += parts[i].iov_len;
		all[1 + i] = parts[i];
	}
	if (tcp_stream_keeps(s)) {
		counts->full++;
		return -EAGAIN;
	}
	wire_put_be32(length, (uint32_t)bytes);
	sent = send_some(s, all, 1 + count, counts);
	if (s->state != TCP_STREAM_OPEN)
		return -ENOTCONN;
	counts->tx_packets++;
	if (sent < sizeof(length) + bytes) {
		keep(s, all, 1 + count, sent);
		counts->kept++;
	}
	return 0;
}

void
tcp_stream_flush(struct tcp_stream *s, struct tcp_counts *counts)
{
	struct iovec rest = {.iov_base = s->kept + s->kept_begin,
			.iov_len = s->kept_end - s->kept_begin};

	if (s->state == TCP_STREAM_OPEN && tcp_stream_keeps(s))
		s->kept_begin += send_some(s, &rest, 1, counts);
}

/* Makes room behind what has come for the rest of the packet that begins there. */
static void
make_room(struct tcp_stream *s)
{
	size_t came = s->end - s->begin;

	/* It may be the longest, and is moved no more than once. */
	if (came > 0 && IN_BYTES - s->begin >= WHOLE_MOST)
		return;
	memmove(s->in + IN_FIRST, s->in + s->begin, came);
	s->begin = IN_FIRST;
	s->end = IN_FIRST + came;
}

/* Bytes that came; the connection may have ended over it. */
static size_t
receive_some(struct tcp_stream *s, struct tcp_counts *counts)
{
	ssize_t n = recv(s->fd, s->in + s->end, IN_BYTES - s->end, MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
		s->state = TCP_STREAM_CLOSED;
	if (n <= 0)
		return 0;
	counts->rx_bytes += (uint64_t)n;
	s->end += (size_t)n;
	return (size_t)n;
}

uint32_t
tcp_stream_receive(struct tcp_stream *s, uint32_t peer, carrier_take *take, void *self,
		struct tcp_counts *counts)
{
	uint32_t packets = 0;
	uint64_t tick;

	if (s->state != TCP_STREAM_OPEN || receive_some(s, counts) == 0)
		return 0;
	tick = clock_ticks();
	while (s->end - s->begin >= TCP_STREAM_LENGTH_BYTES) {
		const uint8_t *packet = s->in + s->begin + TCP_STREAM_LENGTH_BYTES;
		uint32_t bytes = wire_get_be32(s->in + s->begin);

		if (bytes > TCP_STREAM_MOST) {
			s->state = TCP_STREAM_NONSENSE;
			break;
		}
		if (s->end - s->begin - TCP_STREAM_LENGTH_BYTES < bytes)
			break;
		s->begin += TCP_STREAM_LENGTH_BYTES + bytes;
		packets++;
		counts->rx_packets++;
		take(self, peer, packet, bytes, tick);
	}
	make_room(s);
	return packets;
}
