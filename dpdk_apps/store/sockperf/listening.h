/* Whether somebody listens on a TCP port of this host, without connecting to it. */
#ifndef STORE_LISTENING_H
#define STORE_LISTENING_H

#include <stdbool.h>
#include <stdint.h>

bool listening(uint16_t port);

#endif
