/* The store's executor as a network drives it: requests in memory, answers in memory. */
#define _GNU_SOURCE
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sys/stat.h>

#include "executor.h"

#define ANN 7u
#define BOB 8u
#define ALLOW_MMAP_2 (1u << 4) /* FUSE_DIRECT_IO_ALLOW_MMAP in flags2 */

struct bench {
	char folder[64], state_path[96];
	struct executor_options options;
	struct executor *e;
	uint64_t unique;
	_Alignas(8) uint8_t in[EXECUTOR_REQUEST_MAX];
	_Alignas(8) uint8_t out[EXECUTOR_ANSWER_MAX];
	size_t out_bytes;
};

static int
set_up(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return -1;
	*state = b;
	strcpy(b->folder, "/tmp/dpdk_apps_test_XXXXXX");
	if (mkdtemp(b->folder) == NULL)
		return -1;
	(void)snprintf(b->state_path, sizeof(b->state_path), "%s.state", b->folder);
	b->options = (struct executor_options){
			.backing = b->folder, .state = b->state_path, .durability = DURABILITY_LOG};
	b->e = executor_open(&b->options);
	return b->e != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	struct bench *b = *state;
	char path[96];
	int result;

	executor_close(b->e);
	(void)snprintf(path, sizeof(path), "%s/file", b->folder);
	(void)unlink(path);
	result = rmdir(b->folder) + unlink(b->state_path);
	free(b);
	return result;
}

/* Runs a request and gives its answer's error (0 or negative); 1 where there is no answer. */
static int
ask(struct bench *b, uint64_t client, uint32_t opcode, uint64_t node, const void *fixed,
		size_t fixed_bytes, const void *tail, size_t tail_bytes)
{
	struct fuse_in_header header = {
			.len = (uint32_t)(sizeof(header) + fixed_bytes + tail_bytes),
			.opcode = opcode,
			.unique = b->unique += 2,
			.nodeid = node};
	struct fuse_out_header answer;

	memcpy(b->in, &header, sizeof(header));
	if (fixed_bytes > 0)
		memcpy(b->in + sizeof(header), fixed, fixed_bytes);
	if (tail_bytes > 0)
		memcpy(b->in + sizeof(header) + fixed_bytes, tail, tail_bytes);
	b->out_bytes = executor_run(b->e, client, b->in, header.len, b->out, sizeof(b->out));
	if (b->out_bytes == 0)
		return 1;
	memcpy(&answer, b->out, sizeof(answer));
	assert_int_equal(answer.len, b->out_bytes);
	assert_int_equal(answer.unique, header.unique);
	return answer.error;
}

static void *
data(struct bench *b)
{
	return b->out + sizeof(struct fuse_out_header);
}

static struct fuse_init_out
init(struct bench *b, uint64_t client)
{
	struct fuse_init_in in = {.major = 7,
			.minor = 45,
			.max_readahead = 1 << 17,
			.flags = FUSE_INIT_EXT | FUSE_POSIX_LOCKS | FUSE_FLOCK_LOCKS |
				 FUSE_ATOMIC_O_TRUNC | FUSE_BIG_WRITES | FUSE_MAX_PAGES |
				 FUSE_HANDLE_KILLPRIV | FUSE_WRITEBACK_CACHE | FUSE_EXPORT_SUPPORT,
			.flags2 = ALLOW_MMAP_2};
	struct fuse_init_out out;

	assert_int_equal(ask(b, client, FUSE_INIT, 0, &in, sizeof(in), NULL, 0), 0);
	memcpy(&out, data(b), sizeof(out));
	return out;
}

/* The node and handle of a new file. */
static void
create(struct bench *b, uint64_t client, uint64_t *node, uint64_t *handle)
{
	struct fuse_create_in in = {.flags = O_RDWR, .mode = S_IFREG | 0600};
	struct fuse_entry_out entry;
	struct fuse_open_out opened;

	assert_int_equal(ask(b, client, FUSE_CREATE, 1, &in, sizeof(in), "file", 5), 0);
	memcpy(&entry, data(b), sizeof(entry));
	memcpy(&opened, (uint8_t *)data(b) + sizeof(entry), sizeof(opened));
	*node = entry.nodeid;
	*handle = opened.fh;
}

static int
put(struct bench *b, uint64_t client, uint64_t node, uint64_t handle, const char *text)
{
	struct fuse_write_in in = {.fh = handle, .size = (uint32_t)strlen(text)};

	return ask(b, client, FUSE_WRITE, node, &in, sizeof(in), text, strlen(text));
}

static int
get(struct bench *b, uint64_t client, uint64_t node, uint64_t handle)
{
	struct fuse_read_in in = {.fh = handle, .size = 4096};

	return ask(b, client, FUSE_READ, node, &in, sizeof(in), NULL, 0);
}

static void
a_client_is_known_from_its_init_on(void **state)
{
	struct bench *b = *state;
	struct fuse_getattr_in in = {0};

	assert_int_equal(ask(b, ANN, FUSE_GETATTR, 1, &in, sizeof(in), NULL, 0), -ENOTCONN);
	(void)init(b, ANN);
	assert_int_equal(ask(b, ANN, FUSE_GETATTR, 1, &in, sizeof(in), NULL, 0), 0);
	assert_int_equal(ask(b, BOB, FUSE_GETATTR, 1, &in, sizeof(in), NULL, 0), -ENOTCONN);
	assert_int_equal(executor_counts(b->e)->strangers, 2);
}

static void
init_agrees_on_what_is_promised(void **state)
{
	struct bench *b = *state;
	struct fuse_init_out out = init(b, ANN);

	assert_int_equal(out.max_write, 1 << 20);
	assert_true((out.flags & FUSE_POSIX_LOCKS) != 0);
	assert_true((out.flags & FUSE_FLOCK_LOCKS) != 0);
	assert_true((out.flags & FUSE_INIT_EXT) != 0);
	assert_true((out.flags2 & ALLOW_MMAP_2) != 0);
	assert_false((out.flags & FUSE_WRITEBACK_CACHE) != 0);
	assert_false((out.flags & FUSE_HANDLE_KILLPRIV) != 0);
	assert_false((out.flags & FUSE_EXPORT_SUPPORT) != 0);
}

static void
ids_of_others_are_refused(void **state)
{
	struct bench *b = *state;
	struct fuse_getattr_in in = {0};
	uint64_t node, handle;

	(void)init(b, ANN);
	(void)init(b, BOB);
	create(b, ANN, &node, &handle);
	assert_int_equal(put(b, ANN, node, handle, "text"), 0);
	assert_int_equal(get(b, ANN, node, handle), 0);
	assert_memory_equal(data(b), "text", 4);
	assert_int_equal(get(b, BOB, node, handle), -EBADF);
	assert_int_equal(ask(b, BOB, FUSE_GETATTR, node, &in, sizeof(in), NULL, 0), -ESTALE);
	assert_int_equal(get(b, ANN, node, handle + 1), -EBADF);
	assert_int_equal(put(b, ANN, node, 0, "text"), -EBADF);
	assert_int_equal(ask(b, ANN, FUSE_GETATTR, UINT64_MAX, &in, sizeof(in), NULL, 0), -ESTALE);
	executor_leave(b->e, ANN);
	assert_int_equal(get(b, ANN, node, handle), -ENOTCONN);
	(void)init(b, ANN);
	assert_int_equal(get(b, ANN, node, handle), -EBADF);
}

static void
after_destroy_a_client_is_a_stranger(void **state)
{
	struct bench *b = *state;
	uint64_t node, handle;

	(void)init(b, ANN);
	create(b, ANN, &node, &handle);
	assert_int_equal(ask(b, ANN, FUSE_DESTROY, 0, NULL, 0, NULL, 0), 0);
	assert_int_equal(get(b, ANN, node, handle), -ENOTCONN);
	(void)init(b, ANN);
	assert_int_equal(get(b, ANN, node, handle), -EBADF);
}

static void
open_files_go_on_in_the_next_server(void **state)
{
	struct bench *b = *state;
	struct fuse_init_out before = init(b, ANN), after;
	struct fuse_getattr_in in = {0};
	uint64_t node, handle;

	create(b, ANN, &node, &handle);
	assert_int_equal(put(b, ANN, node, handle, "text"), 0);
	executor_close(b->e);
	b->e = executor_open(&b->options);
	assert_non_null(b->e);
	assert_int_equal(get(b, ANN, node, handle), -ENOTCONN);
	after = init(b, ANN);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(get(b, ANN, node, handle), 0);
	assert_memory_equal(data(b), "text", 4);
	assert_int_equal(ask(b, ANN, FUSE_GETATTR, node, &in, sizeof(in), NULL, 0), 0);
	assert_int_equal(put(b, ANN, node, handle, "more"), 0);
}

static void
what_has_no_answer_gets_none(void **state)
{
	struct bench *b = *state;
	struct fuse_forget_in forget = {.nlookup = 1};
	struct fuse_interrupt_in interrupt = {.unique = 2};
	struct fuse_batch_forget_in batch = {.count = 9};
	uint64_t node, handle;

	assert_int_equal(ask(b, ANN, FUSE_FORGET, 1, &forget, sizeof(forget), NULL, 0), 1);
	(void)init(b, ANN);
	create(b, ANN, &node, &handle);
	assert_int_equal(ask(b, ANN, FUSE_FORGET, node, &forget, sizeof(forget), NULL, 0), 1);
	assert_int_equal(ask(b, ANN, FUSE_INTERRUPT, 1, &interrupt, sizeof(interrupt), NULL, 0), 1);
	assert_int_equal(ask(b, ANN, FUSE_BATCH_FORGET, 1, &batch, sizeof(batch), NULL, 0), 1);
	assert_int_equal(executor_counts(b->e)->unanswered, 4);
	assert_int_equal(executor_counts(b->e)->malformed, 1);
}

static void
what_is_not_well_formed_is_answered_and_counted(void **state)
{
	struct bench *b = *state;
	struct fuse_write_in lie = {.size = 4096};

	(void)init(b, ANN);
	assert_int_equal(ask(b, ANN, FUSE_LOOKUP, 1, NULL, 0, "..", 3), -EINVAL);
	assert_int_equal(ask(b, ANN, FUSE_LOOKUP, 1, NULL, 0, "a/b", 4), -EINVAL);
	assert_int_equal(ask(b, ANN, FUSE_WRITE, 1, &lie, sizeof(lie), "x", 1), -EINVAL);
	assert_int_equal(ask(b, ANN, FUSE_IOCTL, 1, NULL, 0, NULL, 0), -ENOSYS);
	assert_int_equal(executor_counts(b->e)->malformed, 3);
	assert_int_equal(executor_counts(b->e)->unsupported, 1);
	b->out_bytes = executor_run(b->e, ANN, b->in, 3, b->out, sizeof(b->out));
	assert_int_equal(b->out_bytes, sizeof(struct fuse_out_header));
}

static void
a_lock_of_another_client_is_waited_for_by_the_asker(void **state)
{
	struct bench *b = *state;
	struct fuse_lk_in lock = {.owner = 1, .lk = {.end = INT64_MAX, .type = F_WRLCK, .pid = 5}};
	uint64_t ann_node, ann_handle, bob_node, bob_handle;
	struct fuse_open_in in = {.flags = O_RDWR};
	struct fuse_entry_out entry;
	struct fuse_open_out opened;

	(void)init(b, ANN);
	(void)init(b, BOB);
	create(b, ANN, &ann_node, &ann_handle);
	assert_int_equal(ask(b, BOB, FUSE_LOOKUP, 1, NULL, 0, "file", 5), 0);
	memcpy(&entry, data(b), sizeof(entry));
	bob_node = entry.nodeid;
	assert_int_equal(ask(b, BOB, FUSE_OPEN, bob_node, &in, sizeof(in), NULL, 0), 0);
	memcpy(&opened, data(b), sizeof(opened));
	bob_handle = opened.fh;
	lock.fh = ann_handle;
	assert_int_equal(ask(b, ANN, FUSE_SETLK, ann_node, &lock, sizeof(lock), NULL, 0), 0);
	lock.fh = bob_handle;
	assert_int_equal(ask(b, BOB, FUSE_SETLKW, bob_node, &lock, sizeof(lock), NULL, 0), -EAGAIN);
	executor_leave(b->e, ANN);
	assert_int_equal(ask(b, BOB, FUSE_SETLKW, bob_node, &lock, sizeof(lock), NULL, 0), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test_setup_teardown(
					a_client_is_known_from_its_init_on, set_up, tear_down),
			cmocka_unit_test_setup_teardown(
					init_agrees_on_what_is_promised, set_up, tear_down),
			cmocka_unit_test_setup_teardown(
					ids_of_others_are_refused, set_up, tear_down),
			cmocka_unit_test_setup_teardown(
					after_destroy_a_client_is_a_stranger, set_up, tear_down),
			cmocka_unit_test_setup_teardown(
					open_files_go_on_in_the_next_server, set_up, tear_down),
			cmocka_unit_test_setup_teardown(
					what_has_no_answer_gets_none, set_up, tear_down),
			cmocka_unit_test_setup_teardown(
					what_is_not_well_formed_is_answered_and_counted, set_up,
					tear_down),
			cmocka_unit_test_setup_teardown(
					a_lock_of_another_client_is_waited_for_by_the_asker, set_up,
					tear_down),
	};

	/* Only root opens files by their handles. */
	if (geteuid() != 0)
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
