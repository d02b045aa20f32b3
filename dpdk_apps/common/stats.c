#include "stats.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "atomic_file.h"

#define MAX_DEPTH 32
#define READ_BYTES 16384

struct stats {
	struct atomic_file *file;
	int depth;	       /* open objects and arrays; 1: the root object */
	char close[MAX_DEPTH]; /* the bracket that closes each */
	bool filled[MAX_DEPTH];
};

static FILE *
out(const struct stats *s)
{
	return atomic_file_stream(s->file);
}

/* A call that would give no JSON is a defect of the caller: the file is then not written at all. */
static void
misuse(struct stats *s)
{
	atomic_file_fail(s->file, EINVAL);
}

/* Length of the well-formed UTF-8 sequence (RFC 3629) at `at`, or 0. */
static int
utf8_length(const unsigned char *at)
{
	static const struct {
		unsigned char low, high, second_low, second_high;
		int length;
	} forms[] = {
			{0x20, 0x7f, 0, 0, 1},
			{0xc2, 0xdf, 0x80, 0xbf, 2},
			{0xe0, 0xe0, 0xa0, 0xbf, 3},
			{0xe1, 0xec, 0x80, 0xbf, 3},
			{0xed, 0xed, 0x80, 0x9f, 3},
			{0xee, 0xef, 0x80, 0xbf, 3},
			{0xf0, 0xf0, 0x90, 0xbf, 4},
			{0xf1, 0xf3, 0x80, 0xbf, 4},
			{0xf4, 0xf4, 0x80, 0x8f, 4},
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (at[0] < forms[i].low || at[0] > forms[i].high)
			continue;
		if (forms[i].length > 1 &&
				(at[1] < forms[i].second_low || at[1] > forms[i].second_high))
			return 0;
		for (int k = 2; k < forms[i].length; k++)
			if (at[k] < 0x80 || at[k] > 0xbf)
				return 0;
		return forms[i].length;
	}
	return 0;
}

static void
put_string(struct stats *s, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	(void)fputc('"', out(s));
	while (*at != '\0') {
		int length = utf8_length(at);

		if (*at == '"' || *at == '\\')
			(void)fprintf(out(s), "\\%c", *at);
		else if (*at < 0x20)
			(void)fprintf(out(s), "\\u%04x", *at);
		else if (length == 0)
			(void)fputs("\\ufffd",
					out(s)); /* the replacement character: JSON is UTF-8 */
		else
			(void)fwrite(at, 1, (size_t)length, out(s));
		at += length > 0 ? length : 1;
	}
	(void)fputc('"', out(s));
}

/* Comma, line break, indent and key before a value. */
static void
begin_value(struct stats *s, const char *key)
{
	bool in_object = s->close[s->depth - 1] == '}';

	if (in_object != (key != NULL))
		misuse(s);
	(void)fputs(s->filled[s->depth - 1] ? ",\n" : "\n", out(s));
	s->filled[s->depth - 1] = true;
	(void)fprintf(out(s), "%*s", s->depth, "");
	if (key != NULL) {
		put_string(s, key);
		(void)fputs(": ", out(s));
	}
}

static void
open_bracket(struct stats *s, char open, char close)
{
	if (s->depth == MAX_DEPTH) {
		misuse(s);
		return;
	}
	(void)fputc(open, out(s));
	s->close[s->depth] = close;
	s->filled[s->depth] = false;
	s->depth++;
}

static void
close_bracket(struct stats *s, char close)
{
	if (s->depth == 0 || s->close[s->depth - 1] != close) {
		misuse(s);
		return;
	}
	s->depth--;
	if (s->filled[s->depth])
		(void)fprintf(out(s), "\n%*s", s->depth, "");
	(void)fputc(close, out(s));
}

/* A writer to `path` with nothing in it. */
static struct stats *
begin(const char *path)
{
	struct stats *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->file = atomic_file_open(path);
	if (s->file == NULL) {
		int saved = errno;

		free(s);
		errno = saved;
		return NULL;
	}
	return s;
}

/* All bytes of a file, which the caller frees, and their number. NULL with errno set. */
static char *
read_whole(const char *path, size_t *length)
{
	FILE *from = fopen(path, "re");
	char *bytes = NULL;
	size_t room = 0;
	size_t n = 0;
	int saved;

	if (from == NULL)
		return NULL;
	do {
		char *larger = realloc(bytes, room += READ_BYTES);

		if (larger == NULL)
			break;
		bytes = larger;
		n += fread(bytes + n, 1, room - n, from);
	} while (n == room);
	saved = ferror(from) || n == room ? EIO : 0;
	(void)fclose(from);
	if (saved != 0) {
		free(bytes);
		bytes = NULL;
		errno = saved;
	}
	*length = n;
	return bytes;
}

struct stats *
stats_extend(const char *path)
{
	static const char end[] = "\n}\n";
	const size_t end_bytes = sizeof(end) - 1;
	size_t length;
	char *old = read_whole(path, &length);
	struct stats *s;

	if (old == NULL)
		return NULL;
	if (length <= end_bytes || memcmp(old + length - end_bytes, end, end_bytes) != 0) {
		free(old);
		errno = EINVAL;
		return NULL;
	}
	s = begin(path);
	if (s != NULL) {
		(void)fwrite(old, 1, length - end_bytes, out(s));
		s->close[0] = '}';
		s->filled[0] = true;
		s->depth = 1;
	}
	free(old);
	return s;
}

struct stats *
stats_open(const char *path, const char *app, const char *role)
{
	struct stats *s = begin(path);

	if (s == NULL)
		return NULL;
	open_bracket(s, '{', '}');
	stats_count(s, "schema", 1);
	stats_string(s, "app", app);
	stats_string(s, "role", role);
	return s;
}

void
stats_string(struct stats *s, const char *key, const char *value)
{
	begin_value(s, key);
	put_string(s, value);
}

void
stats_count(struct stats *s, const char *key, uint64_t value)
{
	begin_value(s, key);
	(void)fprintf(out(s), "%" PRIu64, value);
}

void
stats_number(struct stats *s, const char *key, double value)
{
	begin_value(s, key);
	/* 17 digits give back the same double; JSON has no infinity. */
	if (isfinite(value))
		(void)fprintf(out(s), "%.17g", value);
	else
		(void)fputs("null", out(s));
}

void
stats_flag(struct stats *s, const char *key, bool value)
{
	begin_value(s, key);
	(void)fputs(value ? "true" : "false", out(s));
}

void
stats_object_begin(struct stats *s, const char *key)
{
	begin_value(s, key);
	open_bracket(s, '{', '}');
}

void
stats_object_end(struct stats *s)
{
	if (s->depth <= 1)
		misuse(s); /* the root is closed by stats_close() */
	else
		close_bracket(s, '}');
}

void
stats_array_begin(struct stats *s, const char *key)
{
	begin_value(s, key);
	open_bracket(s, '[', ']');
}

void
stats_array_end(struct stats *s)
{
	close_bracket(s, ']');
}

int
stats_close(struct stats *s)
{
	int result;
	int saved;

	if (s->depth != 1)
		misuse(s);
	close_bracket(s, '}');
	(void)fputc('\n', out(s));
	result = atomic_file_close(s->file);
	saved = errno;
	free(s);
	errno = saved;
	return result;
}
