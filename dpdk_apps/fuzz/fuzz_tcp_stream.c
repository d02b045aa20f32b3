/*
 * Whatever a connection brings, cut into pieces at any place. Against a reading of the whole at
 * once: the same packets must be shown, in order, and the connection end where the reading does.
 *
 * An input is pieces of a stream, each
 *
 *   0  u8 length   1  that many bytes, or what is left
 */
#include <errno.h>
#include <sanitizer/asan_interface.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tcp_stream.h"
#include "wire.h"

#define PEER 3
/* What is closed at the end is nobody's. */
#define NO_DESCRIPTOR (-2)

/* What the stream has brought so far, and what of it has been received and shown. */
struct reading {
	uint8_t *bytes;
	size_t came;
	size_t received;
	size_t shown;
	bool ended;
};

/* What recv() below reads: the C library's is given nothing but a number. */
static struct reading *connection;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void *__real_malloc(size_t n);
void __real_free(void *memory);
void *__wrap_malloc(size_t n);
void __wrap_free(void *memory);

/*
 * A connection's two buffers are of more than 1 MiB each. ASan asks the kernel for such, and gives
 * them back, each time, which takes all of the time: here each is used again (the linker puts these
 * two in the place of the C library's), with its end guarded.
 */
#define BUFFERS 2
#define BUFFER_LEAST (1u << 20)
#define BUFFER_BYTES (BUFFER_LEAST + (1u << 18))

static struct {
	bool used;
	uint8_t bytes[BUFFER_BYTES] __attribute__((aligned(64)));
} buffers[BUFFERS];

void *
__wrap_malloc(size_t n)
{
	if (n < BUFFER_LEAST)
		return __real_malloc(n);
	for (int i = 0; i < BUFFERS; i++) {
		if (buffers[i].used)
			continue;
		if (n > BUFFER_BYTES)
			abort();
		buffers[i].used = true;
		ASAN_POISON_MEMORY_REGION(buffers[i].bytes + n, BUFFER_BYTES - n);
		return buffers[i].bytes;
	}
	abort();
}

void
__wrap_free(void *memory)
{
	for (int i = 0; i < BUFFERS; i++) {
		if (memory != buffers[i].bytes)
			continue;
		if (!buffers[i].used)
			abort();
		buffers[i].used = false;
		ASAN_UNPOISON_MEMORY_REGION(buffers[i].bytes, BUFFER_BYTES);
		return;
	}
	__real_free(memory);
}

/* In place of the C library's: a connection is memory here, which is several times as fast as a
 * pair of sockets. */
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

ssize_t
recv(int fd, void *to, size_t room, int flags)
{
	size_t n = connection->came - connection->received;

	(void)fd;
	(void)flags;
	if (n == 0 && !connection->ended) {
		errno = EAGAIN;
		return -1;
	}
	n = n < room ? n : room;
	memcpy(to, connection->bytes + connection->received, n);
	connection->received += n;
	return (ssize_t)n;
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

	connection = &r;
	if (r.bytes == NULL || tcp_stream_begin(&s, NO_DESCRIPTOR) != 0)
		abort();
	while (size > 1 && s.state == TCP_STREAM_OPEN) {
		size_t n = data[0] < size - 1 ? data[0] : size - 1;

		memcpy(r.bytes + r.came, data + 1, n);
		r.came += n;
		data += 1 + n;
		size -= 1 + n;
		(void)tcp_stream_receive(&s, PEER, take, &r, &counts);
		check(&r, &s);
	}
	r.ended = true;
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
