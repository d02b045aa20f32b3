/*
 * TCP sockets as both TCP programs use them: IPv4, TCP_NODELAY, never blocking in
 * a call on the socket itself (who wants to wait waits in epoll).
 */
#ifndef COMMON_TCP_SOCKET_H
#define COMMON_TCP_SOCKET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/* Longest message over TCP. */
#define TCP_MAX_SIZE 65536

/*
 * Pollers ask each socket with recv() up to this many connections, and epoll_wait() above it. Each
 * question is a system call, and so is epoll_wait() before its recv(). Measured on loopback
 * (medians of alternating pairs): asking gives 5-18 % less p50 with 1 to 16 connections, about as
 * much with 64.
 */
#define TCP_ASK_EACH 8

/* How a program learns that something arrived. */
enum tcp_mode {
	TCP_BLOCK, /* sleeps in epoll */
	TCP_POLL,  /* asks again and again */
};

/* "block" or "poll". */
bool option_tcp_mode(const char *name, const char *text, enum tcp_mode *mode);

/* "198.19.0.1:7000". */
bool option_address(const char *name, const char *text, struct sockaddr_in *address);

/* Lets this process open as many sockets as its hard limit allows. What fails shows when one is
 * made. */
void tcp_raise_socket_limit(void);

/* How the kernel chooses the worker of a new connection. */
enum tcp_spread {
	TCP_SPREAD_PORT, /* our filter: source port mod number of workers */
	TCP_SPREAD_HASH, /* the kernel's hash of the four-tuple: even only on average */
};

const char *tcp_spread_name(enum tcp_spread spread);

/*
 * A listening socket, one of `workers` that share the address by SO_REUSEPORT. -1 after a message.
 * The filter picks by the order in which workers began to listen, so each gets one residue of the
 * source port.
 */
int tcp_listen(const struct sockaddr_in *address, unsigned int workers, enum tcp_spread *spread);

/* Next waiting connection, or -1: errno EAGAIN if there is none. */
int tcp_accept(int listener);

/*
 * Connects, within `timeout_ms`. `first_port` + `flow` is the source port if it is free, else one
 * that leaves the same rest for up to eight workers; so consecutive flows go to consecutive
 * workers. -1 after a message.
 */
int tcp_connect(const struct sockaddr_in *address, unsigned int first_port, unsigned int flow,
		unsigned int timeout_ms);

/* A first source port below the kernel's ephemeral range, different from run to run: ports of the
 * last one may still be in TIME_WAIT. */
unsigned int tcp_first_port(unsigned int flows);

/* What the kernel says of a connection. */
struct tcp_facts {
	uint64_t retransmits;
	uint32_t mss;
	char congestion[16];
};

/* Adds the retransmits of `fd` and sets the rest; false if it is no TCP socket. */
bool tcp_facts_add(struct tcp_facts *facts, int fd);

#endif
