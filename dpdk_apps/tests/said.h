/* What a function says to people: its stderr. */
#ifndef TESTS_SAID_H
#define TESTS_SAID_H

#include "unit.h"

struct said {
	int kept;	/* the real stderr */
	FILE *instead;	/* where it goes meanwhile */
	char text[512]; /* after said_end() */
};

static inline void
said_begin(struct said *s)
{
	*s = (struct said){.kept = dup(STDERR_FILENO), .instead = tmpfile()};
	assert_true(s->kept >= 0);
	assert_non_null(s->instead);
	assert_true(dup2(fileno(s->instead), STDERR_FILENO) >= 0);
}

static inline const char *
said_end(struct said *s)
{
	size_t n;

	assert_int_equal(fflush(stderr), 0);
	assert_true(dup2(s->kept, STDERR_FILENO) >= 0);
	assert_int_equal(close(s->kept), 0);
	rewind(s->instead);
	n = fread(s->text, 1, sizeof(s->text) - 1, s->instead);
	s->text[n] = '\0';
	assert_int_equal(fclose(s->instead), 0);
	return s->text;
}

#endif
