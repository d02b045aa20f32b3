/* The statistics and samples that traffic leaves (docs/stats-format.md, docs/samples-format.md). */
#ifndef TRAFFIC_REPORT_H
#define TRAFFIC_REPORT_H

#include "measure.h"

/* 0, or -1 after a message. `ticks_per_s` is the rate over the whole run. */
int report_write(const struct measurement *m, double ticks_per_s);

#endif
