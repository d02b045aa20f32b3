/*
 * A memif server that was killed leaves its socket file, and the next one on that path then fails
 * with "Address already in use".
 */
#ifndef COMMON_DPDK_MEMIF_SOCKET_H
#define COMMON_DPDK_MEMIF_SOCKET_H

#include "eal.h"

/*
 * Removes the socket files of the memif servers among the EAL's --vdev arguments that nobody
 * listens on, which is known from a connection being refused. 0, or -1 after a message if a living
 * server has one of them.
 */
int memif_sockets_clear(const struct arguments *a);

#endif
