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
	bool help;
};

/* False after a message if the command line is wrong. `--help` prints and sets `help`. */
bool message_line_read(struct message_line *l, int argc, char **argv);

#endif
