#include "control.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lifecycle.h"
#include "wire.h"

/* Changes with the records. */
#define MAGIC UINT32_C(0x31647374)
#define RECORD_BYTES 12
#define BACKLOG 64

union ancillary {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

enum control_result
control_send(int socket, const struct control *c, int fd)
{
	uint8_t record[RECORD_BYTES];
	union ancillary ancillary;
	struct iovec part = {.iov_base = record, .iov_len = sizeof(record)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t n;

	wire_put_le32(record, MAGIC);
	wire_put_le32(record + 4, c->kind);
	wire_put_le32(record + 8, c->value);
	if (fd >= 0) {
		struct cmsghdr *header;

		memset(&ancillary, 0, sizeof(ancillary));
		message.msg_control = ancillary.bytes;
		message.msg_controllen = sizeof(ancillary.bytes);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	}
	do
		n = sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)sizeof(record))
		return CONTROL_GOT;
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return CONTROL_NOTHING;
	return errno == EPIPE || errno == ECONNRESET ? CONTROL_CLOSED : CONTROL_FAILED;
}

/* The descriptor in a received message, or -1. */
static int
passed(struct msghdr *message)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	int fd = -1;

	if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
			header->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

enum control_result
control_receive(int socket, struct control *c, int *fd)
{
	uint8_t record[RECORD_BYTES + 1]; /* one more, to tell a longer one */
	union ancillary ancillary;
	struct iovec part = {.iov_base = record, .iov_len = sizeof(record)};
	struct msghdr message = {
			.msg_iov = &part,
			.msg_iovlen = 1,
			.msg_control = ancillary.bytes,
			.msg_controllen = sizeof(ancillary.bytes),
	};
	ssize_t n;

	*fd = -1;
	do
		n = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return CONTROL_NOTHING;
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return CONTROL_CLOSED;
	if (n < 0)
		return CONTROL_FAILED;
	*fd = passed(&message);
	if (n == RECORD_BYTES && wire_get_le32(record) == MAGIC) {
		c->kind = wire_get_le32(record + 4);
		c->value = wire_get_le32(record + 8);
		return CONTROL_GOT;
	}
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
	return CONTROL_WRONG;
}

static bool
address_of(const char *path, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) < sizeof(address->sun_path)) {
		(void)memcpy(address->sun_path, path, strlen(path) + 1);
		return true;
	}
	complain("--socket %s: a path of a Unix socket has at most %zu characters", path,
			sizeof(address->sun_path) - 1);
	return false;
}

static int
connect_to(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int saved;

	if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
		return fd;
	saved = errno;
	(void)close(fd);
	errno = saved;
	return -1;
}

/* Removes the socket file of a dispatcher that was killed: nobody listens on it. */
static void
remove_stale(const struct sockaddr_un *address)
{
	int fd = connect_to(address);

	if (fd >= 0)
		(void)close(fd);
	else if (errno == ECONNREFUSED)
		(void)unlink(address->sun_path); /* if it stays, bind() says so */
}

int
control_listen(const char *path)
{
	struct sockaddr_un address;
	int fd;

	if (!address_of(path, &address))
		return -1;
	remove_stale(&address);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
			listen(fd, BACKLOG) == 0)
		return fd;
	complain("cannot listen on --socket %s: %s", path, strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

static void
say_refused(uint32_t why, uint32_t number)
{
	if (why == REFUSED_TAKEN)
		complain("--worker %" PRIu32 " belongs to another process, which still runs: give "
			 "each worker a number of its own",
				number);
	else
		complain("--worker %" PRIu32 ": the dispatcher has fewer workers (--workers), "
			 "numbered from 0",
				number);
}

/* Waits for the dispatcher's answer. */
static bool
is_welcome(int fd, uint32_t number, unsigned int timeout_ms)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	struct control answer = {0};
	int passed_fd = -1;
	enum control_result result;

	if (poll(&wait, 1, (int)timeout_ms) <= 0) {
		complain("the dispatcher does not answer");
		return false;
	}
	result = control_receive(fd, &answer, &passed_fd);
	if (passed_fd >= 0)
		(void)close(passed_fd);
	if (result == CONTROL_GOT && answer.kind == CONTROL_WELCOME)
		return true;
	if (result == CONTROL_GOT && answer.kind == CONTROL_REFUSED)
		say_refused(answer.value, number);
	else if (result == CONTROL_WRONG)
		complain("the dispatcher speaks another version: start both from one build");
	else
		complain("the dispatcher hung up");
	return false;
}

int
control_join(const char *path, uint32_t number, unsigned int timeout_ms)
{
	struct control join = {.kind = CONTROL_JOIN, .value = number};
	struct sockaddr_un address;
	int fd;

	if (!address_of(path, &address))
		return -1;
	fd = connect_to(&address);
	if (fd < 0) {
		complain("no dispatcher at --socket %s (%s): start tcp_dispatcher first and wait "
			 "for "
			 "its @ready line",
				path, strerror(errno));
		return -1;
	}
	if (control_send(fd, &join, -1) == CONTROL_GOT && is_welcome(fd, number, timeout_ms))
		return fd;
	(void)close(fd);
	return -1;
}
