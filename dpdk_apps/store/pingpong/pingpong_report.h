/* What mbuf_pingpong leaves behind. */
#ifndef STORE_PINGPONG_REPORT_H
#define STORE_PINGPONG_REPORT_H

#include "pingpong.h"

/* Statistics, and ping's samples. An exit code. */
int pingpong_report(const struct pingpong *p, double ticks_per_s);

#endif
