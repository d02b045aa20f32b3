/* The statistics and samples that message leaves (docs/stats-format.md). */
#ifndef MESSAGE_MESSAGE_REPORT_H
#define MESSAGE_MESSAGE_REPORT_H

#include "exchange.h"

/* 0, or -1 after a message. */
int message_report(struct exchange *x, double ticks_per_s);

#endif
