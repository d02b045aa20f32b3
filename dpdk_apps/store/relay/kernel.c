#include "kernel.h"

#include <errno.h>
#include <linux/fuse.h>
#include <string.h>
#include <unistd.h>

#include "lifecycle.h"

enum kernel_read
kernel_read(int fuse, uint8_t *in, size_t room, uint32_t *bytes)
{
	ssize_t got = read(fuse, in, room);

	if (got >= (ssize_t)sizeof(struct fuse_in_header)) {
		*bytes = (uint32_t)got;
		return KERNEL_REQUEST;
	}
	if (got >= 0) {
		complain("a request of %zd bytes came: no kernel sends that", got);
		return KERNEL_FAILED;
	}
	if (errno == EAGAIN)
		return KERNEL_NOTHING;
	/* ENOENT: the request was interrupted before it was read. */
	if (errno == EINTR || errno == ENOENT)
		return KERNEL_AGAIN;
	if (errno == ENODEV)
		return KERNEL_GONE;
	complain("cannot read requests: %s", strerror(errno));
	return KERNEL_FAILED;
}

enum kernel_answer
kernel_answer(int fuse, const void *answer, size_t bytes)
{
	/* Closed: the file system is gone, and who asked has an error. */
	if (fuse < 0)
		return KERNEL_LATE;
	if (write(fuse, answer, bytes) == (ssize_t)bytes)
		return KERNEL_TAKEN;
	return errno == ENOENT || errno == ENODEV ? KERNEL_LATE : KERNEL_NO_ANSWER;
}

enum kernel_answer
kernel_answer_error(int fuse, uint64_t unique, int error)
{
	const struct fuse_out_header header = {
			.len = sizeof(header), .error = -error, .unique = unique};

	return kernel_answer(fuse, &header, sizeof(header));
}
