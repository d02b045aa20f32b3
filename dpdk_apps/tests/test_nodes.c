#define _GNU_SOURCE
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "nodes.h"
#include "open_files.h"

#define NODES 16
#define OPENS 4
#define MOST_OPEN (NODES_STEADY + 1)
#define ANN 1u
#define BOB 2u

/* A folder with a file of state beside it, and the tables over both. */
struct bench {
	char folder[64], state_path[96];
	int root;
	struct state state;
	struct nodes *nodes;
	struct open_files *opens;
};

static void
open_tables(struct bench *b)
{
	struct file_id root;

	assert_int_equal(file_id_get(b->root, &root), 0);
	assert_int_equal(state_open(&b->state, b->state_path, &root, NODES, OPENS), 0);
	b->nodes = nodes_open(&b->state, b->root, MOST_OPEN);
	assert_non_null(b->nodes);
	b->opens = open_files_open(&b->state, b->nodes);
	assert_non_null(b->opens);
}

static void
close_tables(struct bench *b)
{
	open_files_close(b->opens);
	nodes_close(b->nodes);
	state_close(&b->state);
}

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
	b->root = open(b->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	open_tables(b);
	return b->root >= 0 ? 0 : -1;
}

static int
tear_down(void **state)
{
	struct bench *b = *state;
	int result;

	close_tables(b);
	for (int i = 0; i < 2 * NODES; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "%d", i);
		(void)unlinkat(b->root, name, 0);
	}
	result = close(b->root) + rmdir(b->folder) + unlink(b->state_path);
	free(b);
	return result;
}

/* The file of this name, made where it was not there, as the client looks it up. */
static uint64_t
enter(struct bench *b, uint64_t client, int number)
{
	char name[16];
	int fd;

	(void)snprintf(name, sizeof(name), "%d", number);
	fd = openat(b->root, name, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
	fd = openat(b->root, name, O_PATH | O_CLOEXEC);
	assert_true(fd >= 0);
	return nodes_enter(b->nodes, client, fd);
}

static ino_t
inode_of(struct bench *b, uint64_t client, uint64_t id)
{
	int fd = nodes_path(b->nodes, client, id);
	struct stat file;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &file), 0);
	return file.st_ino;
}

static void
is_stale(struct bench *b, uint64_t client, uint64_t id)
{
	errno = 0;
	assert_int_equal(nodes_path(b->nodes, client, id), -1);
	assert_int_equal(errno, ESTALE);
}

static void
one_file_is_one_node_of_a_client(void **state)
{
	struct bench *b = *state;
	uint64_t id = enter(b, ANN, 0);

	assert_true(id > UINT32_MAX);
	assert_int_equal(enter(b, ANN, 0), id);
	assert_int_not_equal(enter(b, ANN, 1), id);
	assert_int_not_equal(enter(b, BOB, 0), id);
	is_stale(b, BOB, id);
	assert_int_equal(nodes_known(b->nodes), 3);
}

static void
a_forgotten_id_is_stale_and_never_comes_again(void **state)
{
	struct bench *b = *state;
	uint64_t id = enter(b, ANN, 0), again;

	assert_int_equal(enter(b, ANN, 0), id);
	nodes_forget(b->nodes, ANN, id, 1);
	(void)inode_of(b, ANN, id);
	nodes_forget(b->nodes, BOB, id, 1);
	(void)inode_of(b, ANN, id);
	nodes_forget(b->nodes, ANN, id, 1);
	is_stale(b, ANN, id);
	again = enter(b, ANN, 0);
	assert_int_equal((uint32_t)again, (uint32_t)id);
	assert_int_not_equal(again, id);
	is_stale(b, ANN, id);
}

static void
invented_ids_are_stale(void **state)
{
	struct bench *b = *state;
	uint64_t id = enter(b, ANN, 0);

	is_stale(b, ANN, 0);
	is_stale(b, ANN, id + 1);
	is_stale(b, ANN, id + NODES);
	is_stale(b, ANN, id + (1ull << 32));
	is_stale(b, ANN, UINT64_MAX);
	assert_int_equal(nodes_path(b->nodes, ANN, 1), b->root);
}

static void
a_reused_inode_is_another_node(void **state)
{
	struct bench *b = *state;
	uint64_t id = enter(b, ANN, 0), other;

	assert_int_equal(unlinkat(b->root, "0", 0), 0);
	other = enter(b, ANN, 0);
	assert_int_not_equal(other, id);
}

static void
a_full_table_says_so(void **state)
{
	struct bench *b = *state;

	for (int i = 0; i < NODES; i++)
		assert_int_not_equal(enter(b, ANN, i), 0);
	assert_int_equal(enter(b, ANN, NODES), 0);
	assert_int_equal(errno, ENFILE);
	nodes_leave(b->nodes, ANN);
	assert_int_equal(nodes_known(b->nodes), 0);
	assert_int_not_equal(enter(b, ANN, NODES), 0);
}

static void
few_descriptors_serve_many_nodes(void **state)
{
	struct bench *b = *state;
	uint64_t ids[NODES];
	ino_t inodes[NODES];

	for (int i = 0; i < NODES; i++) {
		ids[i] = enter(b, ANN, i);
		inodes[i] = inode_of(b, ANN, ids[i]);
	}
	assert_int_equal(nodes_with_descriptor(b->nodes), MOST_OPEN);
	for (int turn = 0; turn < 3; turn++)
		for (int i = 0; i < NODES; i++)
			assert_int_equal(inode_of(b, ANN, ids[i]), inodes[i]);
	assert_int_equal(nodes_with_descriptor(b->nodes), MOST_OPEN);
}

static void
handles_are_the_clients_own(void **state)
{
	struct bench *b = *state;
	uint64_t id = enter(b, ANN, 0), handle;
	int fd = nodes_reopen(b->nodes, ANN, id, O_RDWR);

	handle = open_files_add(b->opens, ANN, id, fd, O_RDWR, OPEN_FILE);
	assert_int_equal(open_files_fd(b->opens, ANN, handle, OPEN_FILE), fd);
	assert_int_equal(open_files_fd(b->opens, BOB, handle, OPEN_FILE), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(open_files_fd(b->opens, ANN, handle, OPEN_FOLDER), -1);
	assert_int_equal(open_files_fd(b->opens, ANN, handle + 1, OPEN_FILE), -1);
	assert_int_equal(open_files_release(b->opens, ANN, handle, OPEN_FILE), 0);
	assert_int_equal(open_files_release(b->opens, ANN, handle, OPEN_FILE), -1);
	assert_int_equal(errno, EBADF);
}

static void
all_is_known_after_a_restart(void **state)
{
	struct bench *b = *state;
	uint64_t id = enter(b, ANN, 0), gone = enter(b, ANN, 1), handle, lost;
	ino_t inode = inode_of(b, ANN, id);
	int fd;

	handle = open_files_add(b->opens, ANN, id, nodes_reopen(b->nodes, ANN, id, O_RDWR),
			O_RDWR | O_TRUNC, OPEN_FILE);
	lost = open_files_add(b->opens, ANN, gone, nodes_reopen(b->nodes, ANN, gone, O_RDWR),
			O_RDWR, OPEN_FILE);
	assert_int_equal(pwrite(open_files_fd(b->opens, ANN, handle, OPEN_FILE), "kept", 4, 0), 4);
	close_tables(b);
	assert_int_equal(unlinkat(b->root, "1", 0), 0);
	open_tables(b);
	assert_int_equal(inode_of(b, ANN, id), inode);
	assert_int_equal(enter(b, ANN, 0), id);
	fd = open_files_fd(b->opens, ANN, handle, OPEN_FILE);
	assert_true(fd >= 0);
	assert_int_equal(lseek(fd, 0, SEEK_END), 4);
	assert_int_equal(open_files_fd(b->opens, ANN, lost, OPEN_FILE), -1);
	assert_int_equal(errno, ESTALE);
	assert_int_equal(open_files_release(b->opens, ANN, lost, OPEN_FILE), 0);
}

static void
another_folders_state_is_not_believed(void **state)
{
	struct bench *b = *state;
	uint64_t id = enter(b, ANN, 0);
	struct file_id other = {.type = 99};

	close_tables(b);
	assert_int_equal(state_open(&b->state, b->state_path, &other, NODES, OPENS), 0);
	assert_int_equal(*b->state.nodes_used, 0);
	state_close(&b->state);
	open_tables(b);
	is_stale(b, ANN, id);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test_setup_teardown(
					one_file_is_one_node_of_a_client, set_up, tear_down),
			cmocka_unit_test_setup_teardown(
					a_forgotten_id_is_stale_and_never_comes_again, set_up,
					tear_down),
			cmocka_unit_test_setup_teardown(invented_ids_are_stale, set_up, tear_down),
			cmocka_unit_test_setup_teardown(
					a_reused_inode_is_another_node, set_up, tear_down),
			cmocka_unit_test_setup_teardown(
					few_descriptors_serve_many_nodes, set_up, tear_down),
			cmocka_unit_test_setup_teardown(a_full_table_says_so, set_up, tear_down),
			cmocka_unit_test_setup_teardown(
					handles_are_the_clients_own, set_up, tear_down),
			cmocka_unit_test_setup_teardown(
					all_is_known_after_a_restart, set_up, tear_down),
			cmocka_unit_test_setup_teardown(
					another_folders_state_is_not_believed, set_up, tear_down),
	};

	/* Only root opens files by their handles. */
	if (geteuid() != 0)
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
