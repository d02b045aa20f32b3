/*
 * The connections of a server: a table of places, who is admitted to one and who is sent away. A
 * peer is a place and how many had it before. Connections that have said nothing valid are
 * strangers: few, and not for long.
 */
#ifndef STORE_TCP_CONNECTIONS_H
#define STORE_TCP_CONNECTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "tcp_server.h"
#include "tcp_stream.h"

struct tcp_connection {
	struct tcp_stream stream; /* `fd` -1: nobody has this place */
	uint32_t generation;
	bool known;	    /* has said something valid */
	bool in_epoll;	    /* epoll tells of it */
	bool asks_for_room; /* and of room to send */
	uint64_t since;	    /* ns */
};

struct tcp_connections {
	int epoll;	 /* in which they are watched: tells a place; -1: none yet */
	uint32_t places; /* from here on nobody has one */
	uint32_t open;
	uint32_t strangers;
	struct tcp_connection all[TCP_SERVER_CONNECTIONS_MAX];
	struct tcp_counts counts;
};

void tcp_connections_begin(struct tcp_connections *t);
void tcp_connections_end(struct tcp_connections *t);

/* The one at a place; NULL: nobody is there. */
struct tcp_connection *tcp_connections_at(struct tcp_connections *t, uint32_t place);

/* The one of a peer; NULL: it is gone. */
struct tcp_connection *tcp_connections_of(struct tcp_connections *t, uint32_t peer);

uint32_t tcp_connection_peer(const struct tcp_connections *t, const struct tcp_connection *c);

/* Admits a new one, which is a stranger, or closes `fd`. */
void tcp_connections_admit(struct tcp_connections *t, int fd);

/* It has shown this packet: whether the protocol knows it decides who it is. */
void tcp_connection_showed(struct tcp_connections *t, struct tcp_connection *c,
		const uint8_t *packet, uint32_t bytes);

/* Makes epoll tell what is of interest now. One that cannot be watched is closed. */
void tcp_connection_watch(const struct tcp_connections *t, struct tcp_connection *c);

/* The same for all. */
void tcp_connections_watch(struct tcp_connections *t);

void tcp_connection_end(struct tcp_connections *t, struct tcp_connection *c);

/* Sends those away that are strangers for too long. */
void tcp_connections_expire(struct tcp_connections *t);

/* As if those that stand ended now. */
struct tcp_counts tcp_connections_counts(const struct tcp_connections *t);

#endif
