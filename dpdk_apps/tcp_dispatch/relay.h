/*
 * Relay: messages of all connections go to the workers, each in turn, and their
 * answers back to the connection that they came from. A worker whose queue is full
 * stops the reading: nothing is dropped while both ends live, and all wait.
 */
#ifndef TCP_DISPATCH_RELAY_H
#define TCP_DISPATCH_RELAY_H

#include "dispatcher.h"

/* Takes over a TCP connection. False with errno set; `fd` is closed then too. */
bool relay_add(struct dispatcher *d, int fd);

/* Makes the stream to a worker and gives it the other end. False with errno set. */
bool relay_open_stream(struct member *m);

/* At the end of each turn: sends what was put into queues in it. */
void relay_flush(struct dispatcher *d);

/* Closes all connections; what was under way counts as stopped. */
void relay_end(struct dispatcher *d);

#endif
