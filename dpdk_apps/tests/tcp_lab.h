/* TCP on the loopback for tests of the store's carriers: bare sockets as the other end, and packets
 * whose bytes follow from their number. */
#ifndef TESTS_TCP_LAB_H
#define TESTS_TCP_LAB_H

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "clock.h"
#include "mix64.h"
#include "packet.h"
#include "tcp_stream.h"
#include "unit.h"
#include "wire.h"

#define LAB_WAIT_MS 5000

static inline uint64_t
lab_now_ms(void)
{
	struct timespec t;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &t), 0);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* An address of the loopback that nobody listens on. */
static inline struct sockaddr_in
lab_address(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &length), 0);
	assert_int_equal(close(fd), 0);
	return a;
}

/* A bare socket that blocks, connected there. */
static inline int
lab_connect(const struct sockaddr_in *a)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)a, sizeof(*a)), 0);
	return fd;
}

static inline int
lab_listen(const struct sockaddr_in *a)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)a, sizeof(*a)), 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

static inline bool
lab_readable(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, ms) == 1;
}

static inline void
lab_write(int fd, const void *bytes, size_t n)
{
	for (size_t at = 0; at < n;) {
		ssize_t sent = send(fd, (const uint8_t *)bytes + at, n - at, MSG_NOSIGNAL);

		assert_true(sent > 0);
		at += (size_t)sent;
	}
}

static inline void
lab_read(int fd, void *bytes, size_t n)
{
	for (size_t at = 0; at < n;) {
		ssize_t got;

		assert_true(lab_readable(fd, LAB_WAIT_MS));
		got = recv(fd, (uint8_t *)bytes + at, n - at, 0);
		assert_true(got > 0);
		at += (size_t)got;
	}
}

static inline uint8_t
lab_byte(uint32_t number, size_t at)
{
	return (uint8_t)(mix64(number) >> (at % 8 * 8)) ^ (uint8_t)(at / 251);
}

/* Packet `number` of `n` bytes behind its length; the caller frees it. */
static inline uint8_t *
lab_packet(uint32_t number, uint32_t n)
{
	uint8_t *bytes = malloc(TCP_STREAM_LENGTH_BYTES + (size_t)n);

	assert_non_null(bytes);
	wire_put_be32(bytes, n);
	for (size_t i = 0; i < n; i++)
		bytes[TCP_STREAM_LENGTH_BYTES + i] = lab_byte(number, i);
	return bytes;
}

static inline bool
lab_is_packet(uint32_t number, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bytes[i] != lab_byte(number, i))
			return false;
	return true;
}

/* A packet that the protocol knows, behind its length; returns the bytes of all. */
static inline size_t
lab_hello(uint8_t to[128])
{
	const uint8_t payload[20] = {1, 1};
	const struct packet p = {.version = 1,
			.type = PACKET_HELLO,
			.client_epoch = 5,
			.payload = payload,
			.length = sizeof(payload)};

	packet_encode(to + TCP_STREAM_LENGTH_BYTES, &p);
	memcpy(to + TCP_STREAM_LENGTH_BYTES + PACKET_HEADER_BYTES, payload, sizeof(payload));
	wire_put_be32(to, PACKET_HEADER_BYTES + sizeof(payload));
	return TCP_STREAM_LENGTH_BYTES + PACKET_HEADER_BYTES + sizeof(payload);
}

/* What a carrier has shown: how many packets, and the last one. */
struct lab_taken {
	uint32_t count;
	uint32_t peer;
	uint32_t bytes;
	uint32_t wrong; /* not the packet whose number is its place in the order */
	bool numbered;	/* those are expected */
};

static inline void
lab_take(void *self, uint32_t peer, const uint8_t *packet, uint32_t bytes, uint64_t tick)
{
	struct lab_taken *t = self;

	assert_true(tick <= clock_ticks());
	if (t->numbered && !lab_is_packet(t->count, packet, bytes))
		t->wrong++;
	t->count++;
	t->peer = peer;
	t->bytes = bytes;
}

/* Polls until `count` packets have come in all, or for too long: false. */
static inline bool
lab_poll(struct carrier *c, struct lab_taken *t, uint32_t count)
{
	for (int i = 0; i < LAB_WAIT_MS && t->count < count; i++) {
		if (c->calls->wait != NULL)
			c->calls->wait(c, -1, 1000000);
		else
			(void)usleep(1000);
		(void)c->calls->poll(c, lab_take, t);
	}
	return t->count >= count;
}

/* Polls for about so long. */
static inline void
lab_poll_for(struct carrier *c, struct lab_taken *t, int ms)
{
	for (int i = 0; i < ms; i++) {
		(void)c->calls->poll(c, lab_take, t);
		(void)usleep(1000);
	}
}

/* Sends packet `number` of `n` bytes in two parts. */
static inline int
lab_send(struct carrier *c, uint32_t peer, uint32_t number, uint32_t n)
{
	uint8_t *bytes = lab_packet(number, n);
	struct iovec parts[2] = {
			{.iov_base = bytes + TCP_STREAM_LENGTH_BYTES, .iov_len = n / 3},
			{.iov_base = bytes + TCP_STREAM_LENGTH_BYTES + n / 3, .iov_len = n - n / 3},
	};
	int result = c->calls->send(c, peer, parts, 2);

	free(bytes);
	return result;
}

/* Reads packet `number` of `n` bytes from a bare socket. */
static inline void
lab_read_packet(int fd, uint32_t number, uint32_t n)
{
	uint8_t length[TCP_STREAM_LENGTH_BYTES];
	uint8_t *bytes = malloc(n + (n == 0));

	assert_non_null(bytes);
	lab_read(fd, length, sizeof(length));
	assert_int_equal(wire_get_be32(length), n);
	lab_read(fd, bytes, n);
	assert_true(lab_is_packet(number, bytes, n));
	free(bytes);
}

/* Whether the other end closes the connection within `ms`; what it sends before is left out. */
static inline bool
lab_closes(int fd, int ms)
{
	uint8_t bytes[4096];

	while (lab_readable(fd, ms))
		if (recv(fd, bytes, sizeof(bytes), 0) <= 0)
			return true;
	return false;
}

#endif
