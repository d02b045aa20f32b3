/*
 * The service without a store: a request says how large its answer is, so that the protocol and its
 * transport are measured by themselves.
 *
 *   0  u32 bytes of the answer   4  u32 what its first four bytes are   8  padding
 * Both little endian. The answer is that number, and behind it what stands at the same place in the
 * request, over and over: byte i of the answer is byte i mod n of a request of n bytes.
 */
#ifndef STORE_ECHO_H
#define STORE_ECHO_H

#include <stddef.h>
#include <stdint.h>

#define ECHO_REQUEST_BYTES 8 /* at least */
#define ECHO_NUMBER_BYTES 4

/* As rpc_run; 0 bytes to a request that is too short or asks for more than there is room. */
size_t echo_run(void *self, uint64_t client, const uint8_t *in, size_t n, uint8_t *out,
		size_t room);

#endif
