#include "prompt.h"

#include <stdbool.h>
#include <string.h>

static bool
is_space(char c)
{
	return c == ' ' || c == '\t';
}

/* Whether the line begins with `word` and then ends or goes on after a space. */
static bool
begins(const char *line, size_t length, const char *word)
{
	size_t n = strlen(word);

	return length >= n && memcmp(line, word, n) == 0 && (length == n || is_space(line[n]));
}

struct prompt_line
prompt_read(const char *line, size_t length, size_t longest)
{
	struct prompt_line p = {.command = PROMPT_UNKNOWN};

	while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
		length--;
	while (length > 0 && is_space(*line)) {
		line++;
		length--;
	}
	p.text = line;
	p.length = length;
	if (length == 0) {
		p.command = PROMPT_NOTHING;
	} else if (begins(line, length, "quit")) {
		p.command = PROMPT_QUIT;
	} else if (begins(line, length, "send")) {
		size_t at = strlen("send");

		/* One space is the separator; any more belong to the text. */
		at += at < length;
		p.text = line + at;
		p.length = length - at;
		p.command = p.length == 0 ? PROMPT_NO_TEXT
					  : (p.length > longest ? PROMPT_TOO_LONG : PROMPT_SEND);
	}
	return p;
}
