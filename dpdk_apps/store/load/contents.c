#include "contents.h"

#include <string.h>

#include "mix64.h"

#define WORD sizeof(uint64_t)
#define HEAD_WORDS 3

/* Of the first word behind the head; each later one is a step further: as cheap to check as to
 * read. */
static uint64_t
first_word(const uint64_t head[HEAD_WORDS])
{
	return mix64(mix64(mix64(head[0] + MIX64_STEP) ^ head[1]) ^ head[2]);
}

void
contents_write(uint8_t *to, size_t bytes, uint64_t offset, uint64_t version, uint64_t writer)
{
	const uint64_t head[HEAD_WORDS] = {offset, version, writer};
	uint64_t word = first_word(head);
	size_t at = sizeof(head);

	memcpy(to, head, sizeof(head));
	for (; at + WORD <= bytes; at += WORD, word += MIX64_STEP)
		memcpy(to + at, &word, WORD);
	memcpy(to + at, &word, bytes - at);
}

enum contents_verdict
contents_check(const uint8_t *from, size_t bytes, uint64_t offset, uint64_t writer,
		uint64_t *version)
{
	uint64_t head[HEAD_WORDS];
	uint64_t wrong = 0;
	size_t at = sizeof(head);
	uint64_t word, found;

	if (bytes < CONTENTS_MIN)
		return CONTENTS_DAMAGED;
	memcpy(head, from, sizeof(head));
	word = first_word(head);
	for (; at + WORD <= bytes; at += WORD, word += MIX64_STEP) {
		memcpy(&found, from + at, WORD);
		wrong |= found ^ word;
	}
	if (wrong != 0 || memcmp(from + at, &word, bytes - at) != 0)
		return CONTENTS_DAMAGED;
	if (head[2] != writer)
		return CONTENTS_FOREIGN;
	if (head[0] != offset)
		return CONTENTS_ELSEWHERE;
	*version = head[1];
	return CONTENTS_RIGHT;
}
