/*
 * A client's carrier over TCP: one connection to one server, made again whenever it is gone, from
 * poll() and without waiting. Its only peer is TCP_CLIENT_PEER.
 */
#ifndef STORE_TCP_CLIENT_H
#define STORE_TCP_CLIENT_H

#include <netinet/in.h>
#include <stdbool.h>

#include "carrier.h"
#include "tcp_counts.h"

#define TCP_CLIENT_PEER 1

struct tcp_client;

/* Connects from the first poll() on. NULL with errno set. */
struct tcp_client *tcp_client_create(const struct sockaddr_in *server, enum tcp_mode mode);
void tcp_client_destroy(struct tcp_client *c);

struct carrier *tcp_client_carrier(struct tcp_client *c);
bool tcp_client_connected(const struct tcp_client *c);

/* As if the connection that stands ended now. */
struct tcp_counts tcp_client_counts(const struct tcp_client *c);

#endif
