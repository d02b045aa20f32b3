/*
 * FUSE requests as a kernel writes them to /dev/fuse, made by a client that has no kernel's mount
 * behind it, and what its answers say.
 */
#ifndef STORE_FUSE_REQUESTS_H
#define STORE_FUSE_REQUESTS_H

#include <linux/fuse.h>
#include <stdint.h>

/* What comes before the data of a WRITE, and all of a READ. */
#define FUSE_REQUEST_HEAD 80
/* What comes before the data of an answer, and all that a WRITE is answered. */
#define FUSE_ANSWER_HEAD 16
#define FUSE_WRITE_ANSWER 24
/* The longest request without data: a CREATE with its name. */
#define FUSE_REQUEST_SMALL 512

/* Who asks. Each request has the next number. */
struct fuse_requester {
	uint32_t uid;
	uint32_t gid;
	uint32_t pid;
	uint64_t unique; /* of the last request */
};

/* A file that is open. */
struct fuse_file {
	uint64_t node;
	uint64_t handle;
	uint32_t flags; /* that it was opened with */
};

/* The requests; each is written to `to`, aligned to 8, and its length returned. Names are at most
 * NAME_MAX bytes. */
uint32_t fuse_request_init(struct fuse_requester *r, uint8_t *to);
uint32_t fuse_request_lookup(
		struct fuse_requester *r, uint8_t *to, uint64_t parent, const char *name);
uint32_t fuse_request_create(struct fuse_requester *r, uint8_t *to, uint64_t parent,
		const char *name, uint32_t flags, uint32_t mode);
uint32_t fuse_request_open(struct fuse_requester *r, uint8_t *to, const struct fuse_file *file);
uint32_t fuse_request_release(struct fuse_requester *r, uint8_t *to, const struct fuse_file *file);
uint32_t fuse_request_unlink(
		struct fuse_requester *r, uint8_t *to, uint64_t parent, const char *name);
uint32_t fuse_request_read(struct fuse_requester *r, uint8_t *to, const struct fuse_file *file,
		uint64_t offset, uint32_t bytes);
/* The data is to stand at to + FUSE_REQUEST_HEAD. */
uint32_t fuse_request_write(struct fuse_requester *r, uint8_t *to, const struct fuse_file *file,
		uint64_t offset, uint32_t bytes);

/* What an answer turned out to be. */
enum fuse_answer {
	FUSE_ANSWERED,
	FUSE_ANSWER_ERROR,   /* well formed: the request failed */
	FUSE_ANSWER_SHORT,   /* cut off, or not as long as it says */
	FUSE_ANSWER_FOREIGN, /* of another request */
};

/* Reads the head of an answer to request `unique`; `error` is an errno where it failed, else 0. */
enum fuse_answer fuse_answer_read(
		const uint8_t *answer, uint32_t bytes, uint64_t unique, int *error);

#endif
