/*
 * Whether a FUSE request that came over a network is well formed. libfuse trusts the kernel that
 * it expects behind /dev/fuse: it reads arguments without looking at their length and names
 * without looking for their end. Nothing reaches it that has not passed here.
 */
#ifndef STORE_REQUEST_CHECK_H
#define STORE_REQUEST_CHECK_H

#include <stddef.h>
#include <stdint.h>

enum request_verdict {
	REQUEST_GOOD,
	REQUEST_MALFORMED,   /* the sender is no kernel: -EINVAL */
	REQUEST_UNSUPPORTED, /* known or not, this store does not serve it: -ENOSYS */
};

/* The most data bytes that one request may carry or ask for. */
#define REQUEST_DATA_MAX (1u << 20)
/* What comes before the data: the header and the arguments of WRITE; libfuse asks for a page. */
#define REQUEST_BYTES_MAX (REQUEST_DATA_MAX + 4096)

/*
 * Looks at all of the `bytes` bytes at `in`, which need no alignment. Good means: opcode served,
 * the header's length is `bytes`, all arguments are there and nothing follows them, names end
 * inside, are not empty and hold no '/', '.' and '..' where they name an entry of a folder, and
 * every size and count that the request names is within its bounds.
 */
enum request_verdict request_check(const uint8_t *in, size_t bytes);

#endif
