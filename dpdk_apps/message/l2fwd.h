/*
 * The work of l2fwd: take frames from every port, change their MAC addresses, put them
 * into the send buffer of the paired port. A buffer is sent when it holds a burst, and
 * when it is drained; until then its frames are nowhere but in this process.
 */
#ifndef MESSAGE_L2FWD_H
#define MESSAGE_L2FWD_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "burst_guard.h"
#include "capture.h"
#include "l2fwd_line.h"
#include "port_report.h"
#include "tx_buffer.h"

#define L2FWD_BURST TX_BUFFER_FRAMES

enum l2fwd_drop {
	L2FWD_TX_FULL,	 /* the paired port's queue took no more */
	L2FWD_RUNT,	 /* shorter than an Ethernet header */
	L2FWD_GROUP,	 /* to a group address, and no IPv4: not of a measurement */
	L2FWD_UNFLUSHED, /* still in the send buffer at the end: nothing drained it */
	L2FWD_CUT_OFF,	 /* of a send burst in which the other end of the paired port went away */
	L2FWD_DROPS,	 /* number of values */
};

/* One port. */
struct l2fwd_lane {
	const struct port_state *port;
	struct tx_buffer buffer;
	uint16_t pair; /* index of the lane that frames from here leave by */
	struct queue_counts counts;
	/* runt and group where it came from, the others where it was to be sent */
	uint64_t drops[L2FWD_DROPS];
	/* Copies of what is in the buffer, by its place there, as far as frames are captured: ours.
	 */
	struct rte_mbuf *copies[L2FWD_BURST];
	bool has_copies;
	uint64_t turns_full; /* turns that found a full burst: more was waiting */
};

struct l2fwd {
	struct l2fwd_lane lanes[PORT_MAX];
	uint16_t lane_count;
	struct burst_guard guard; /* for the other ends of the ports */
	const struct l2fwd_line *line;
	struct capture *capture;
	uint64_t turns;
};

const char *l2fwd_drop_name(enum l2fwd_drop reason);

void l2fwd_begin(struct l2fwd *f, const struct l2fwd_line *line, const struct port_state *ports,
		uint16_t count, struct capture *capture);

/* Works, whatever becomes of the other ends of the ports, until a signal. Then frees and counts
 * what is still in the send buffers. */
void l2fwd_run(struct l2fwd *f, double ticks_per_s);

#endif
