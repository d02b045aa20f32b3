/* Frames that are to be captured: those whose UDP payload is a record. */
#ifndef MESSAGE_FRAME_CAPTURE_H
#define MESSAGE_FRAME_CAPTURE_H

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>

#include "capture.h"
#include "frame.h"
#include "record.h"
#include "wire.h"

static inline void
capture_frame(struct capture *c, enum capture_way way, const struct rte_mbuf *m)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	FILE *text;

	if (likely(!capture_wants(c, way)))
		return;
	/* The probes before the measurement are no records. */
	if (rte_pktmbuf_data_len(m) < FRAME_HEADER_BYTES + 2 ||
			wire_get_be16(frame + FRAME_HEADER_BYTES) != RECORD_MAGIC)
		return;
	text = capture_add(c, way, frame, rte_pktmbuf_data_len(m));
	rte_pktmbuf_dump(text, m, rte_pktmbuf_data_len(m));
}

#endif
