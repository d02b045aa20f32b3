/*
 * What a server of the store does with a request: a FUSE request in, its answer out. The
 * transport calls it once for each request, whatever the network did to the packets.
 */
#ifndef STORE_EXECUTOR_H
#define STORE_EXECUTOR_H

#include <stddef.h>
#include <stdint.h>

struct executor;

/*
 * Carries out the request of `client` in `in` (struct fuse_in_header and what follows it, as
 * the kernel wrote it there; checked here before anything believes it) and puts the answer
 * (struct fuse_out_header and what follows it) into `out`. Returns the bytes of the answer; 0
 * where FUSE has none (FORGET, BATCH_FORGET, INTERRUPT). A request that is not well formed is
 * answered by -EINVAL, one that is not supported by -ENOSYS, and counted.
 */
size_t executor_run(struct executor *e, uint64_t client, const uint8_t *in, size_t in_bytes,
		uint8_t *out, size_t out_room);

#endif
