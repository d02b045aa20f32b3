/*
 * Where an echo listens: an IPv4 address and port, or a Unix stream socket of this
 * machine ("unix:PATH"; "unix:@NAME" leaves no file). Several workers share an IPv4
 * address; a Unix socket cannot be shared, so worker I has one of its own, PATH.I, and
 * flow F goes to worker F mod their number.
 */
#ifndef COMMON_ENDPOINT_H
#define COMMON_ENDPOINT_H

#include <stdbool.h>

#include "tcp_socket.h"

/* Bytes of a path, without its worker's number. */
#define ENDPOINT_MAX_PATH 96

struct endpoint {
	bool local; /* a Unix socket */
	struct sockaddr_in ip;
	char path[ENDPOINT_MAX_PATH + 1];
};

/* "198.19.0.1:7000", "unix:/run/echo" or "unix:@echo". False after a message. */
bool option_endpoint(const char *name, const char *text, struct endpoint *e);

/* What its sockets are called in statistics. */
const char *endpoint_driver(const struct endpoint *e);

/* A listening socket of one worker. -1 after a message. */
int endpoint_listen(const struct endpoint *e, unsigned int worker, unsigned int workers,
		enum tcp_spread *spread);

/* Closes what endpoint_listen() gave, and removes its file if it has one. */
void endpoint_close(const struct endpoint *e, unsigned int worker, int listener);

/* Next waiting connection, or -1: errno EAGAIN if there is none. */
int endpoint_accept(const struct endpoint *e, int listener);

/* Connects `flow`; `first_port` is for tcp_connect(). -1 after a message. */
int endpoint_connect(const struct endpoint *e, unsigned int workers, unsigned int first_port,
		unsigned int flow, unsigned int timeout_ms);

#endif
