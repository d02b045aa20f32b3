/* What the generator leaves: its statistics and its samples. */
#ifndef TCP_TRAFFIC_REPORT_H
#define TCP_TRAFFIC_REPORT_H

#include "connections.h"
#include "generator_options.h"
#include "loop.h"
#include "meter.h"
#include "tcp_socket.h"

/* Writes both files, also if one of them fails. 0, or -1 after a message. */
int report_write(const struct generator_options *o, enum tcp_mode mode, const struct connections *c,
		const struct meter *m, const struct loop_result *result, double ticks_per_s);

#endif
