/*
 * Frames that are to be captured: those whose UDP payload is a record. What was sent is what the
 * driver took, and that must not be looked at any more: a copy is made before, and captured or
 * forgotten when the driver has spoken.
 */
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

/* A copy of a frame that is about to be sent, the caller's; NULL where no more are wanted, or no
 * buffer is free. */
static inline struct rte_mbuf *
capture_copy(const struct capture *c, const struct rte_mbuf *m)
{
	if (likely(!capture_wants(c, CAPTURE_TX)))
		return NULL;
	return rte_pktmbuf_copy(m, m->pool, 0, UINT32_MAX);
}

/* Ends a copy, which is captured if its frame was `sent`. */
static inline void
capture_copy_end(struct capture *c, struct rte_mbuf *copy, bool sent)
{
	if (likely(copy == NULL))
		return;
	if (sent)
		capture_frame(c, CAPTURE_TX, copy);
	rte_pktmbuf_free(copy);
}

#endif
