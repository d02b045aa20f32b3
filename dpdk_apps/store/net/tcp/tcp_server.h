/*
 * A server's carrier over TCP: a connection to each client. A peer is a place in the table of
 * connections and how many were there before, so that an answer that comes late goes to no other.
 * Connections that have said nothing valid are few, and not for long.
 */
#ifndef STORE_TCP_SERVER_H
#define STORE_TCP_SERVER_H

#include <netinet/in.h>

#include "carrier.h"
#include "tcp_counts.h"

/* As many as the protocol has sessions (RPC_SESSIONS_MAX). */
#define TCP_SERVER_CONNECTIONS_MAX 256
/* Of these, so many may have said nothing valid, each for so long. */
#define TCP_SERVER_STRANGERS_MAX 32
#define TCP_SERVER_STRANGER_MS 3000

struct tcp_server;

/* Listens. NULL after a message. */
struct tcp_server *tcp_server_create(const struct sockaddr_in *address, enum tcp_mode mode);
void tcp_server_destroy(struct tcp_server *v);

struct carrier *tcp_server_carrier(struct tcp_server *v);

/* As if the connections that stand ended now. */
struct tcp_counts tcp_server_counts(const struct tcp_server *v);

#endif
