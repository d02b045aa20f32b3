/* What the relay knows of the requests that it passes on. */
#ifndef STORE_OPCODES_H
#define STORE_OPCODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPCODES_MOST 64 /* all others are counted as one */

/* Its name in statistics; NULL: this store has no such request. */
const char *opcode_name(uint32_t opcode);

/* Whether the kernel waits for no answer. */
bool opcode_unanswered(uint32_t opcode);

/*
 * Whether a request may be carried out twice, by a server and, where it was under way when that
 * ended, by the next: it changes nothing, or the second time changes nothing any more
 * (docs/store-file-system.md). `request` is whole, as the kernel wrote it.
 */
bool opcode_repeatable(const uint8_t *request, size_t bytes);

#endif
