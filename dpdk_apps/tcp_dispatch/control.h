/*
 * What the dispatcher and a worker say to each other over their Unix socket
 * (SOCK_SEQPACKET, so a record is whole or not there), and the descriptors that the
 * dispatcher passes with it (SCM_RIGHTS).
 *
 *   worker:      JOIN (its number)
 *   dispatcher:  WELCOME, or REFUSED (why)
 *   dispatcher:  CONNECTION or RELAY (bytes of a message) with a descriptor, again and again
 *   worker:      BYE, before it ends as it was asked to; without it, it died
 */
#ifndef TCP_DISPATCH_CONTROL_H
#define TCP_DISPATCH_CONTROL_H

#include <stdint.h>

enum control_kind {
	CONTROL_JOIN = 1,
	CONTROL_WELCOME,
	CONTROL_REFUSED,
	CONTROL_CONNECTION, /* a TCP connection: it is the worker's from now on */
	CONTROL_RELAY,	    /* a stream of frames (relay_frame.h) from the dispatcher */
	CONTROL_BYE,
};

enum control_refusal {
	REFUSED_NUMBER = 1, /* no such worker */
	REFUSED_TAKEN,	    /* another process is that worker */
};

struct control {
	uint32_t kind;
	uint32_t value;
};

enum control_result {
	CONTROL_GOT,
	CONTROL_NOTHING, /* nothing there now; for sending: no room now */
	CONTROL_CLOSED,	 /* the other end is gone */
	CONTROL_WRONG,	 /* no record of this protocol, or of another version of it */
	CONTROL_FAILED,	 /* errno says why */
};

/* Never blocks. `fd` is passed with the record, and stays open here; -1: none. */
enum control_result control_send(int socket, const struct control *c, int fd);

/* Never blocks. `fd` is the caller's to close; -1 where none came with the record. */
enum control_result control_receive(int socket, struct control *c, int *fd);

/*
 * Listens on `path`, over the socket that a killed dispatcher may have left there. -1 after a
 * message, also if a living one listens there.
 */
int control_listen(const char *path);

/* Joins the dispatcher at `path` as worker `number`, within `timeout_ms`. The socket, or -1 after a
 * message. */
int control_join(const char *path, uint32_t number, unsigned int timeout_ms);

#endif
