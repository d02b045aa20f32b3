/* What a person may type at the primary's prompt. */
#ifndef SIMPLE_MP_PROMPT_H
#define SIMPLE_MP_PROMPT_H

#include <stddef.h>

enum prompt_command {
	PROMPT_NOTHING, /* an empty line */
	PROMPT_SEND,
	PROMPT_QUIT,
	PROMPT_NO_TEXT, /* send, and nothing to send */
	PROMPT_TOO_LONG,
	PROMPT_UNKNOWN,
};

struct prompt_line {
	enum prompt_command command;
	/* What is to be sent, else all of the line; as it was typed, spaces included, no 0 at the
	 * end. */
	const char *text;
	size_t length;
};

/* Reads one line of `length` bytes, with or without its newline, whose text may have `longest`
 * bytes. */
struct prompt_line prompt_read(const char *line, size_t length, size_t longest);

#endif
