/* What the store's load client asks for, and by what it knows a right answer. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>

#include "contents.h"
#include "fuse_requests.h"
#include "request_check.h"
#include "versions.h"

#define BLOCK 4096
#define WRITER 0xabcdef
#define OFFSET (7 * BLOCK)

static void
every_request_is_well_formed(void **state)
{
	struct fuse_requester r = {.uid = 1, .gid = 2, .pid = 3};
	const struct fuse_file file = {.node = 5, .handle = 6, .flags = O_RDWR};
	_Alignas(8) uint8_t to[FUSE_REQUEST_HEAD + BLOCK] = {0};
	char longest[256];

	(void)state;
	memset(longest, 'x', sizeof(longest));
	longest[255] = '\0';
	assert_int_equal(request_check(to, fuse_request_init(&r, to)), REQUEST_GOOD);
	assert_int_equal(request_check(to, fuse_request_lookup(&r, to, 1, "a")), REQUEST_GOOD);
	assert_int_equal(request_check(to, fuse_request_create(&r, to, 1, longest, O_RDWR, 0600)),
			REQUEST_GOOD);
	assert_int_equal(request_check(to, fuse_request_open(&r, to, &file)), REQUEST_GOOD);
	assert_int_equal(request_check(to, fuse_request_read(&r, to, &file, 0, BLOCK)),
			REQUEST_GOOD);
	assert_int_equal(request_check(to, fuse_request_write(&r, to, &file, 0, BLOCK)),
			REQUEST_GOOD);
	assert_int_equal(request_check(to, fuse_request_release(&r, to, &file)), REQUEST_GOOD);
	assert_int_equal(request_check(to, fuse_request_unlink(&r, to, 1, "a")), REQUEST_GOOD);
	assert_int_equal(r.unique, 16);
}

static void
answers_are_told_apart(void **state)
{
	struct fuse_out_header header = {.len = sizeof(header), .unique = 8};
	uint8_t answer[sizeof(header)];
	int error = 0;

	(void)state;
	memcpy(answer, &header, sizeof(header));
	assert_int_equal(fuse_answer_read(answer, sizeof(answer), 8, &error), FUSE_ANSWERED);
	assert_int_equal(fuse_answer_read(answer, sizeof(answer), 10, &error), FUSE_ANSWER_FOREIGN);
	assert_int_equal(
			fuse_answer_read(answer, sizeof(answer) - 1, 8, &error), FUSE_ANSWER_SHORT);
	header.error = -ENOSPC;
	memcpy(answer, &header, sizeof(header));
	assert_int_equal(fuse_answer_read(answer, sizeof(answer), 8, &error), FUSE_ANSWER_ERROR);
	assert_int_equal(error, ENOSPC);
	header.error = 5; /* no errno of a kernel */
	memcpy(answer, &header, sizeof(header));
	assert_int_equal(fuse_answer_read(answer, sizeof(answer), 8, &error), FUSE_ANSWER_ERROR);
	assert_int_equal(error, EPROTO);
}

static void
damage_is_found_wherever_it_is(void **state)
{
	static const size_t sizes[] = {64, 100, BLOCK};
	uint64_t version = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t n = sizes[i];
		uint8_t *block = malloc(n);

		assert_non_null(block);
		contents_write(block, n, OFFSET, 3, WRITER);
		assert_int_equal(
				contents_check(block, n, OFFSET, WRITER, &version), CONTENTS_RIGHT);
		assert_int_equal(version, 3);
		for (size_t at = 0; at < n; at++) {
			block[at] ^= 0x10;
			assert_int_not_equal(contents_check(block, n, OFFSET, WRITER, &version),
					CONTENTS_RIGHT);
			block[at] ^= 0x10;
		}
		assert_int_equal(contents_check(block, n, OFFSET + BLOCK, WRITER, &version),
				CONTENTS_ELSEWHERE);
		assert_int_equal(contents_check(block, n, OFFSET, WRITER + 1, &version),
				CONTENTS_FOREIGN);
		free(block);
	}
}

/* A read finds what was acknowledged before it was sent, or what is written meanwhile; never what
 * is older, and nothing that nobody wrote. */
static void
an_old_version_is_no_right_answer(void **state)
{
	struct versions v;
	uint32_t known;

	(void)state;
	assert_int_equal(versions_begin(&v, 8), 0);
	versions_acknowledge(&v, 2, versions_issue(&v, 2));
	known = versions_known(&v, 2);
	assert_int_equal(known, 1);
	assert_false(versions_may_be(&v, 2, known, 0));
	assert_true(versions_may_be(&v, 2, known, 1));
	assert_false(versions_may_be(&v, 2, known, 2));
	assert_int_equal(versions_choose(&v, 2), 2);
	assert_int_equal(versions_issue(&v, 2), 2);
	assert_true(versions_may_be(&v, 2, known, 2));
	/* One write of a block at a time, where there is another block. */
	assert_int_equal(versions_choose(&v, 2), 3);
	versions_end(&v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(every_request_is_well_formed),
			cmocka_unit_test(answers_are_told_apart),
			cmocka_unit_test(damage_is_found_wherever_it_is),
			cmocka_unit_test(an_old_version_is_no_right_answer),
	};

	return cmocka_run_group_tests_name("load_work", tests, NULL, NULL);
}
