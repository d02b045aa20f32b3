/*
 * Whatever a connection brings, cut into pieces at any place. Against a reading of the whole at
 * once: the same packets must be shown, in order, and the connection end where the reading does.
 *
 * An input is pieces of a stream, each
 *
 *   0  u8 length   1  that many bytes, or what is left
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tcp_stream.h"
#include "wire.h"

#define PEER 3

/* What the stream has brought so far, and what of it has been shown. */
struct reading {
	uint8_t *bytes;
	size_t came;
	size_t shown;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__asan_default_options(void);

/* A connection's two buffers are of 1 MiB each. By default ASan takes memory anew for what it keeps
 * of such; to set it to zero is three times as fast. */
const char *
__asan_default_options(void)
{
	return "clear_shadow_mmap_threshold=16777216";
}

/* In place of the C library's: the pair of sockets that stands for a connection has none of TCP's
 * options, and would be refused for it. */
int
setsockopt(int fd, int level, int option, const void *value, socklen_t length)
{
	(void)fd;
	(void)level;
	(void)option;
	(void)value;
	(void)length;
	return 0;
}

static void
take(void *self, uint32_t peer, const uint8_t *packet, uint32_t bytes, uint64_t tick)
{
	struct reading *r = self;

	(void)tick;
	if (peer != PEER || r->came - r->shown < TCP_STREAM_LENGTH_BYTES + (size_t)bytes ||
			wire_get_be32(r->bytes + r->shown) != bytes ||
			memcmp(r->bytes + r->shown + TCP_STREAM_LENGTH_BYTES, packet, bytes) != 0)
		abort();
	r->shown += TCP_STREAM_LENGTH_BYTES + bytes;
}

/* Whether nothing that could have been shown was kept back, and nonsense was seen as such. */
static void
check(const struct reading *r, const struct tcp_stream *s)
{
	size_t left = r->came - r->shown;
	uint32_t next = left >= TCP_STREAM_LENGTH_BYTES ? wire_get_be32(r->bytes + r->shown) : 0;
	bool nonsense = next > TCP_STREAM_MOST;

	if ((s->state == TCP_STREAM_NONSENSE) != nonsense)
		abort();
	if (!nonsense && left >= TCP_STREAM_LENGTH_BYTES + (size_t)next && left > 3)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reading r = {.bytes = malloc(size + 1)};
	struct tcp_counts counts = {0};
	struct tcp_stream s;
	int ends[2];

	if (r.bytes == NULL || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0 ||
			tcp_stream_begin(&s, ends[0]) != 0)
		abort();
	while (size > 1 && s.state == TCP_STREAM_OPEN) {
		size_t n = data[0] < size - 1 ? data[0] : size - 1;

		memcpy(r.bytes + r.came, data + 1, n);
		if (n > 0 && send(ends[1], data + 1, n, MSG_NOSIGNAL) != (ssize_t)n)
			abort();
		r.came += n;
		data += 1 + n;
		size -= 1 + n;
		(void)tcp_stream_receive(&s, PEER, take, &r, &counts);
		check(&r, &s);
	}
	(void)close(ends[1]);
	if (s.state == TCP_STREAM_OPEN)
		(void)tcp_stream_receive(&s, PEER, take, &r, &counts);
	tcp_stream_end(&s, &counts);
	if (counts.rx_bytes != r.came ||
			counts.drops[TCP_DROP_LENGTH] + counts.drops[TCP_DROP_CUT] !=
					(r.shown < r.came ? 1 : 0))
		abort();
	free(r.bytes);
	return 0;
}
