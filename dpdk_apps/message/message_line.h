/* Command line of message, after the "--". */
#ifndef MESSAGE_MESSAGE_LINE_H
#define MESSAGE_MESSAGE_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "generator_options.h"
#include "link_options.h"
#include "loop_shape.h"
#include "outgoing.h"

struct message_line {
	struct generator_options generator;
	struct link_options link;
	struct loop_shape shape;
	enum record_type payload;
	uint32_t mtu; /* of the link: bytes of an IP packet */
	uint32_t settle_ms;
	uint32_t dump;
	const char *capture;
};

/* Reads into a `struct message_line`, as options_read() does. */
int message_line_read(void *options, int argc, char **argv);

#endif
