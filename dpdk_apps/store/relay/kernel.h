/* The kernel's end of a mount: requests are read from /dev/fuse, answers are written there. */
#ifndef STORE_KERNEL_H
#define STORE_KERNEL_H

#include <stddef.h>
#include <stdint.h>

enum kernel_read {
	KERNEL_REQUEST,
	KERNEL_NOTHING, /* now */
	KERNEL_AGAIN,	/* the request went away while it was read: there may be another */
	KERNEL_GONE,	/* the file system is unmounted */
	KERNEL_FAILED,	/* after one clear line */
};

/* Reads one request, with its whole header, into `room` bytes. */
enum kernel_read kernel_read(int fuse, uint8_t *in, size_t room, uint32_t *bytes);

enum kernel_answer {
	KERNEL_TAKEN,
	KERNEL_LATE,	  /* nobody waits for it: interrupted, or unmounted */
	KERNEL_NO_ANSWER, /* it is none: the request still waits for its answer */
};

enum kernel_answer kernel_answer(int fuse, const void *answer, size_t bytes);
enum kernel_answer kernel_answer_error(int fuse, uint64_t unique, int error);

#endif
