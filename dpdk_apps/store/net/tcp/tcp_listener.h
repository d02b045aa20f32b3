/* Listening on one address of this host, and on the interface that has it alone. */
#ifndef STORE_TCP_LISTENER_H
#define STORE_TCP_LISTENER_H

#include <netinet/in.h>

/* A socket that does not block: packets for the address that come by another interface than its own
 * do not reach it. -1 after a message. */
int tcp_listener_open(const struct sockaddr_in *address);

#endif
