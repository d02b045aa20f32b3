/*
 * Latency recorder: one record per sent packet, in send order, kept in memory
 * that is touched before the measurement and written to a file after it.
 *
 * The sequence number of a packet is its index in the recorder, so losses,
 * duplicates and the order of sending need no search. Times are ticks of
 * clock_ticks(); they become nanoseconds when the file is written.
 *
 * Not thread-safe: one thread sends, receives and records.
 */
#ifndef COMMON_RECORDER_H
#define COMMON_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

struct recorder;

/* What became of a returned packet. */
enum recorder_verdict {
	RECORDER_OK,	    /* first return of a packet that was sent */
	RECORDER_DUPLICATE, /* it had returned before */
	RECORDER_LATE,	    /* it had been given up as lost before; stays lost */
	RECORDER_UNKNOWN,   /* its sequence number was never sent */
};

/* Sequence number that recorder_send() gives when the recorder is full. */
#define RECORDER_FULL UINT64_MAX

struct recorder_counts {
	uint64_t sent;	     /* in the window */
	uint64_t returned;   /* in the window, first returns */
	uint64_t lost;	     /* in the window: sent and not returned */
	uint64_t warmup;     /* sent outside the window */
	uint64_t duplicates; /* any time */
	uint64_t late;	     /* any time */
	uint64_t unknown;    /* any time */
};

/* Memory for `capacity` packets, faulted in. NULL with errno set if there is not enough. */
struct recorder *recorder_create(uint64_t capacity);
void recorder_destroy(struct recorder *r);

/* Notes a packet about to be sent, `tick` being when it was meant to be sent; returns its sequence
 * number. */
uint64_t recorder_send(struct recorder *r, uint64_t tick);

/* The sequence number that the next recorder_send() gives: the number of packets sent so far, or
 * RECORDER_FULL. */
uint64_t recorder_next(const struct recorder *r);

/* How many more packets it takes. */
uint64_t recorder_room(const struct recorder *r);

/* Takes back the newest recorder_send(): the driver did not accept the packet. */
void recorder_unsend(struct recorder *r);

/* Notes the return of packet `seq` at `tick`. */
enum recorder_verdict recorder_return(struct recorder *r, uint64_t seq, uint64_t tick);

/* Gives packet `seq` up as lost if it has not returned; true if it was given up by this call. */
bool recorder_give_up(struct recorder *r, uint64_t seq);

/* Whether packet `seq` was sent and has neither returned nor been given up. */
bool recorder_pending(const struct recorder *r, uint64_t seq);

/* Whether packet `seq` was sent and returned in time. */
bool recorder_returned(const struct recorder *r, uint64_t seq);

/* Send tick of packet `seq`, which must have been sent. */
uint64_t recorder_send_tick(const struct recorder *r, uint64_t seq);

/* The window is the packets sent from now on / until now. */
void recorder_window_begin(struct recorder *r);
void recorder_window_end(struct recorder *r);

struct recorder_counts recorder_counts(const struct recorder *r);

/*
 * Packets of the window that came back before they were sent, which two CPUs show whose counters
 * are not one clock. They are written as 0 ns, as is a time within one step of the counter.
 */
uint64_t recorder_backwards(const struct recorder *r);

/*
 * Writes the window's samples (format: docs/samples-format.md; little endian):
 *   0  char[8]  "DPLATENC"      8  u32 version = 1     12  u32 flags = 0
 *  16  u64 count               24  u64 first send, ns after the window began
 *  32  f64 ticks per second    40  u64 reserved = 0
 *  48  u32[count] ns from the send before it (0 for the first; saturates at 2^32-1)
 *   -  u32[count] round trip in ns (saturates at 2^32-2; 2^32-1: lost)
 * through a temporary name, fsync and rename. Returns 0, or -1 with errno set.
 */
int recorder_write(const struct recorder *r, const char *path, double ticks_per_s);

#endif
