/* The primary's prompt: a person sends texts to the secondaries. */
#ifndef SIMPLE_MP_INTERACTIVE_H
#define SIMPLE_MP_INTERACTIVE_H

#include "space.h"

/* Reads commands from stdin until `quit`, its end, or a signal; the prompt and all answers go to
 * stderr. */
void interactive_run(const struct space *s);

#endif
