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
#include "window.h"

struct exchange {
	struct link *link;
	const struct message_line *line;
	const struct message_plan *plan;
	struct meter meter;
	struct outgoing outgoing;
	struct outbox outbox;
	struct incoming incoming;
	struct capture capture;
	struct window window;
	double ticks_per_s;
	uint64_t digest_lost; /* of what was sent and did not come back in time */
	bool settled;	      /* nothing was under way any more when it ended */
};

/* Runs to the end of the drain, or until a stop was asked for or the link was lost (then the window
 * is cut short). */
void exchange_run(struct exchange *x);

#endif
