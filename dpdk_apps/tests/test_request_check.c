#include "unit.h"

#include <linux/fuse.h>

#include "request_check.h"

/* A request as it is put together: the header's length follows what is added. */
struct request {
	uint8_t bytes[8192];
	size_t used;
};

static void
add(struct request *r, const void *bytes, size_t count)
{
	struct fuse_in_header header;

	assert_true(r->used + count <= sizeof(r->bytes));
	memcpy(r->bytes + r->used, bytes, count);
	r->used += count;
	memcpy(&header, r->bytes, sizeof(header));
	header.len = (uint32_t)r->used;
	memcpy(r->bytes, &header, sizeof(header));
}

static struct request
begin(uint32_t opcode)
{
	struct fuse_in_header header = {.opcode = opcode, .nodeid = FUSE_ROOT_ID, .unique = 2};
	struct request r = {.used = 0};

	add(&r, &header, sizeof(header));
	return r;
}

/* On the heap and of exact size, so that a read behind it is seen. */
static enum request_verdict
check(const struct request *r)
{
	uint8_t *copy = malloc(r->used);
	enum request_verdict verdict;

	assert_non_null(copy);
	memcpy(copy, r->bytes, r->used);
	verdict = request_check(copy, r->used);
	free(copy);
	return verdict;
}

/* The request, and no shorter or longer one, is good. */
static void
only_whole(const struct request *r)
{
	struct request other = *r;

	assert_int_equal(check(r), REQUEST_GOOD);
	add(&other, "\0\0\0\0\0\0\0", 8);
	assert_int_equal(check(&other), REQUEST_MALFORMED);
	for (size_t bytes = 0; bytes < r->used; bytes++) {
		other = *r;
		other.used = bytes;
		if (bytes >= sizeof(struct fuse_in_header)) {
			add(&other, "", 0);
			assert_int_equal(check(&other), REQUEST_MALFORMED);
		}
		assert_int_equal(request_check(r->bytes, bytes), REQUEST_MALFORMED);
	}
}

static void
the_whole_request_and_nothing_else(void **state)
{
	static const struct {
		uint32_t opcode;
		size_t fixed;
		const char *tail;
		size_t tail_bytes;
	} shapes[] = {
			{FUSE_LOOKUP, 0, "name", 5},
			{FUSE_GETATTR, sizeof(struct fuse_getattr_in), "", 0},
			{FUSE_SETATTR, sizeof(struct fuse_setattr_in), "", 0},
			{FUSE_SYMLINK, 0, "name\0../a/target", 17},
			{FUSE_MKNOD, sizeof(struct fuse_mknod_in), "name", 5},
			{FUSE_RENAME, sizeof(struct fuse_rename_in), "old\0new", 8},
			{FUSE_RENAME2, sizeof(struct fuse_rename2_in), "old\0new", 8},
			{FUSE_CREATE, sizeof(struct fuse_create_in), "name", 5},
			{FUSE_READ, sizeof(struct fuse_read_in), "", 0},
			{FUSE_STATFS, 0, "", 0},
			{FUSE_GETXATTR, sizeof(struct fuse_getxattr_in), "user.x", 7},
			{FUSE_SETLK, sizeof(struct fuse_lk_in), "", 0},
			{FUSE_INTERRUPT, sizeof(struct fuse_interrupt_in), "", 0},
			{FUSE_COPY_FILE_RANGE, sizeof(struct fuse_copy_file_range_in), "", 0},
	};
	static const uint8_t zero[256];

	(void)state;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		struct request r = begin(shapes[i].opcode);

		add(&r, zero, shapes[i].fixed);
		add(&r, shapes[i].tail, shapes[i].tail_bytes);
		only_whole(&r);
	}
}

static enum request_verdict
with_name(uint32_t opcode, const char *name, size_t bytes)
{
	struct request r = begin(opcode);

	add(&r, name, bytes);
	return check(&r);
}

static void
names_are_names(void **state)
{
	static const uint32_t opcodes[] = {FUSE_LOOKUP, FUSE_UNLINK, FUSE_RMDIR};
	char longest[1026];

	(void)state;
	memset(longest, 'n', sizeof(longest));
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(with_name(opcodes[i], "a", 2), REQUEST_GOOD);
		assert_int_equal(with_name(opcodes[i], "...", 4), REQUEST_GOOD);
		assert_int_equal(with_name(opcodes[i], "", 1), REQUEST_MALFORMED);
		assert_int_equal(with_name(opcodes[i], ".", 2), REQUEST_MALFORMED);
		assert_int_equal(with_name(opcodes[i], "..", 3), REQUEST_MALFORMED);
		assert_int_equal(with_name(opcodes[i], "a/b", 4), REQUEST_MALFORMED);
		assert_int_equal(with_name(opcodes[i], "/", 2), REQUEST_MALFORMED);
		assert_int_equal(with_name(opcodes[i], "ab", 2), REQUEST_MALFORMED);
		assert_int_equal(with_name(opcodes[i], "a\0b", 4), REQUEST_MALFORMED);
		longest[1024] = '\0';
		assert_int_equal(with_name(opcodes[i], longest, 1025), REQUEST_GOOD);
		longest[1024] = 'n';
		longest[1025] = '\0';
		assert_int_equal(with_name(opcodes[i], longest, 1026), REQUEST_MALFORMED);
	}
	assert_int_equal(with_name(FUSE_SYMLINK, "..\0t", 5), REQUEST_MALFORMED);
	assert_int_equal(with_name(FUSE_SYMLINK, "n\0", 3), REQUEST_MALFORMED);
}

static enum request_verdict
write_of(uint32_t said, size_t sent, uint64_t offset)
{
	struct fuse_write_in write = {.size = said, .offset = offset};
	struct request r = begin(FUSE_WRITE);
	uint8_t data[64] = {0};

	add(&r, &write, sizeof(write));
	add(&r, data, sent);
	return check(&r);
}

static void
a_write_brings_what_it_says(void **state)
{
	(void)state;
	assert_int_equal(write_of(64, 64, 0), REQUEST_GOOD);
	assert_int_equal(write_of(0, 0, INT64_MAX), REQUEST_GOOD);
	assert_int_equal(write_of(65, 64, 0), REQUEST_MALFORMED);
	assert_int_equal(write_of(63, 64, 0), REQUEST_MALFORMED);
	assert_int_equal(write_of(UINT32_MAX, 64, 0), REQUEST_MALFORMED);
	assert_int_equal(write_of(64, 64, INT64_MAX), REQUEST_MALFORMED);
	assert_int_equal(write_of(64, 64, UINT64_MAX), REQUEST_MALFORMED);
}

static enum request_verdict
forgets_of(uint32_t said, size_t sent)
{
	struct fuse_batch_forget_in in = {.count = said};
	struct fuse_forget_one one[4] = {{0}};
	struct request r = begin(FUSE_BATCH_FORGET);

	add(&r, &in, sizeof(in));
	add(&r, one, sent);
	return check(&r);
}

static void
forgets_are_counted(void **state)
{
	(void)state;
	assert_int_equal(forgets_of(4, sizeof(struct fuse_forget_one) * 4), REQUEST_GOOD);
	assert_int_equal(forgets_of(5, sizeof(struct fuse_forget_one) * 4), REQUEST_MALFORMED);
	assert_int_equal(forgets_of(1u << 28, sizeof(struct fuse_forget_one) * 4),
			REQUEST_MALFORMED);
	assert_int_equal(forgets_of(3, sizeof(struct fuse_forget_one) * 3 + 1), REQUEST_MALFORMED);
}

static enum request_verdict
xattr_of(uint32_t said, const char *tail, size_t bytes)
{
	struct fuse_setxattr_in in = {.size = said};
	struct request r = begin(FUSE_SETXATTR);

	add(&r, &in, FUSE_COMPAT_SETXATTR_IN_SIZE);
	add(&r, tail, bytes);
	return check(&r);
}

static void
an_xattr_has_its_size(void **state)
{
	(void)state;
	assert_int_equal(xattr_of(3, "user.x\0abc", 10), REQUEST_GOOD);
	assert_int_equal(xattr_of(0, "user.x", 7), REQUEST_GOOD);
	assert_int_equal(xattr_of(4, "user.x\0abc", 10), REQUEST_MALFORMED);
	assert_int_equal(xattr_of(UINT32_MAX, "user.x\0abc", 10), REQUEST_MALFORMED);
	assert_int_equal(xattr_of(3, "user.xabc", 9), REQUEST_MALFORMED);
}

static void
what_is_not_served_is_said(void **state)
{
	static const uint32_t not_served[] = {0, 7, FUSE_BMAP, FUSE_IOCTL, FUSE_POLL,
			FUSE_SETUPMAPPING, FUSE_SYNCFS, FUSE_TMPFILE, 4096, UINT32_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(not_served) / sizeof(not_served[0]); i++) {
		struct request r = begin(not_served[i]);

		assert_int_equal(check(&r), REQUEST_UNSUPPORTED);
	}
}

static void
the_header_says_its_length(void **state)
{
	struct request r = begin(FUSE_STATFS);
	struct fuse_in_header header;

	(void)state;
	assert_int_equal(check(&r), REQUEST_GOOD);
	memcpy(&header, r.bytes, sizeof(header));
	header.len++;
	memcpy(r.bytes, &header, sizeof(header));
	assert_int_equal(check(&r), REQUEST_MALFORMED);
	header.len--;
	header.total_extlen = 1;
	memcpy(r.bytes, &header, sizeof(header));
	assert_int_equal(check(&r), REQUEST_MALFORMED);
}

static void
init_of_another_protocol_is_refused(void **state)
{
	struct fuse_init_in in = {.major = FUSE_KERNEL_VERSION, .minor = 45};
	struct request r = begin(FUSE_INIT), old = r;

	(void)state;
	add(&old, &in, 16);
	assert_int_equal(check(&old), REQUEST_GOOD);
	add(&r, &in, sizeof(in));
	assert_int_equal(check(&r), REQUEST_GOOD);
	in.major = 8;
	r = begin(FUSE_INIT);
	add(&r, &in, sizeof(in));
	assert_int_equal(check(&r), REQUEST_MALFORMED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(the_whole_request_and_nothing_else),
			cmocka_unit_test(names_are_names),
			cmocka_unit_test(a_write_brings_what_it_says),
			cmocka_unit_test(forgets_are_counted),
			cmocka_unit_test(an_xattr_has_its_size),
			cmocka_unit_test(what_is_not_served_is_said),
			cmocka_unit_test(the_header_says_its_length),
			cmocka_unit_test(init_of_another_protocol_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
