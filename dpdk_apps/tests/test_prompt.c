#include "unit.h"

#include "prompt.h"

#define LONGEST 16

static struct prompt_line
read_line(const char *line)
{
	return prompt_read(line, strlen(line), LONGEST);
}

static void
sends(const char *line, const char *text)
{
	struct prompt_line p = read_line(line);

	assert_int_equal(p.command, PROMPT_SEND);
	assert_int_equal(p.length, strlen(text));
	assert_memory_equal(p.text, text, p.length);
}

static void
a_text_is_sent_as_it_was_typed(void **state)
{
	(void)state;
	sends("send hello\n", "hello");
	sends("send hello", "hello");
	sends("send two words\r\n", "two words");
	sends("  send  a  b \n", " a  b ");
	sends("send send\n", "send");
	sends("send quit\n", "quit");
	sends("send\ttab\n", "tab");
	sends("send 0123456789abcdef\n", "0123456789abcdef");
}

static void
bytes_that_end_a_string_are_bytes_of_a_text(void **state)
{
	static const char line[] = "send a\0b\n";
	struct prompt_line p = prompt_read(line, sizeof(line) - 1, LONGEST);

	(void)state;
	assert_int_equal(p.command, PROMPT_SEND);
	assert_int_equal(p.length, 3);
	assert_memory_equal(p.text, "a\0b", 3);
}

static void
other_lines_are_told_apart(void **state)
{
	(void)state;
	assert_int_equal(read_line("quit\n").command, PROMPT_QUIT);
	assert_int_equal(read_line(" quit now\n").command, PROMPT_QUIT);
	assert_int_equal(read_line("").command, PROMPT_NOTHING);
	assert_int_equal(read_line("\n").command, PROMPT_NOTHING);
	assert_int_equal(read_line(" \t \n").command, PROMPT_NOTHING);
	assert_int_equal(read_line("send\n").command, PROMPT_NO_TEXT);
	assert_int_equal(read_line("send \n").command, PROMPT_NO_TEXT);
	assert_int_equal(read_line("send 0123456789abcdefg\n").command, PROMPT_TOO_LONG);
	assert_int_equal(read_line("sendx\n").command, PROMPT_UNKNOWN);
	assert_int_equal(read_line("quitter\n").command, PROMPT_UNKNOWN);
	assert_int_equal(read_line("sen\n").command, PROMPT_UNKNOWN);
}

static void
an_unknown_line_is_given_back_without_its_end(void **state)
{
	struct prompt_line p = read_line("  shout it\n");

	(void)state;
	assert_int_equal(p.command, PROMPT_UNKNOWN);
	assert_int_equal(p.length, strlen("shout it"));
	assert_memory_equal(p.text, "shout it", p.length);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(a_text_is_sent_as_it_was_typed),
			cmocka_unit_test(bytes_that_end_a_string_are_bytes_of_a_text),
			cmocka_unit_test(other_lines_are_told_apart),
			cmocka_unit_test(an_unknown_line_is_given_back_without_its_end),
	};

	return cmocka_run_group_tests_name("prompt", tests, NULL, NULL);
}
