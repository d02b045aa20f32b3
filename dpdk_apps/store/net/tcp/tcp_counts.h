/* What a carrier over TCP counted; both ends have the same. */
#ifndef STORE_TCP_COUNTS_H
#define STORE_TCP_COUNTS_H

#include <stdint.h>

#include "tcp_socket.h"

/* Why something went no further. */
enum tcp_drop {
	TCP_DROP_LENGTH,  /* connections closed since a length made no sense */
	TCP_DROP_SILENT,  /* connections closed that said nothing valid in time */
	TCP_DROP_CROWDED, /* connections closed to make room for others */
	TCP_DROP_CUT,	  /* packets that came in part when their connection ended */
	TCP_DROP_UNSENT,  /* packets that had left in part, or not at all, when it ended */
	TCP_DROPS,	  /* number of values */
};

extern const char *const tcp_drop_names[TCP_DROPS];

struct tcp_counts {
	uint64_t rx_packets;
	uint64_t tx_packets; /* taken by send(): `unsent` are among them */
	uint64_t rx_bytes;   /* with their lengths */
	uint64_t tx_bytes;
	uint64_t connections; /* that stood */
	uint64_t kept;	      /* packets that the socket did not take whole at once */
	uint64_t full;	      /* packets for which there was no room */
	uint64_t drops[TCP_DROPS];
	struct tcp_facts facts; /* of connections that have ended */
};

#endif
