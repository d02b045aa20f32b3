/* The measured loop of message: warm-up, window, drain, and a wait until nothing is under way. One
 * thread sends and receives. */
#ifndef MESSAGE_EXCHANGE_H
#define MESSAGE_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "capture.h"
#include "incoming.h"
#include "link.h"
#include "message_line.h"
#include "meter.h"
#include "outbox.h"
#include "outgoing.h"
#include "schedule.h"

struct exchange {
	struct link *link;
	const struct message_line *line;
	const struct message_plan *plan;
	struct meter meter;
	struct outgoing outgoing;
	struct outbox outbox;
	struct incoming incoming;
	struct capture capture;
	struct schedule schedule;
	double ticks_per_s;
	uint64_t timeout;      /* ticks */
	uint64_t window_begin; /* ticks; 0: not begun */
	uint64_t window_end;
	uint64_t unsent;      /* open loop: meant to leave before the window's end, and never did */
	uint64_t digest_lost; /* of what was sent and did not come back in time */
	bool settled;	      /* nothing was under way any more when it ended */
	const char *ended;    /* why, as the statistics spell it */
};

/* Runs to the end of the drain, or until a stop was asked for (then the window is cut short). */
void exchange_run(struct exchange *x);

#endif
