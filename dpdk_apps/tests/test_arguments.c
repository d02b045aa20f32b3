#include "unit.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "eal.h"
#include "memif_socket.h"

static void
split(struct arguments *a, char **argv)
{
	int argc = 0;

	while (argv[argc] != NULL)
		argc++;
	assert_int_equal(arguments_split(a, argc, argv), 0);
}

static void
both_parts_begin_with_the_program(void **state)
{
	char *argv[] = {"app", "--no-pci", "--lcores", "0@1", "--", "-p", "3", NULL};
	struct arguments a;

	(void)state;
	split(&a, argv);
	assert_int_equal(a.eal_count, 4);
	assert_string_equal(a.eal[0], "app");
	assert_string_equal(a.eal[3], "0@1");
	assert_null(a.eal[4]);
	assert_int_equal(a.app_count, 3);
	assert_string_equal(a.app[0], "app");
	assert_string_equal(a.app[1], "-p");
	assert_string_equal(a.app[2], "3");
	assert_null(a.app[3]);
	arguments_free(&a);
}

static void
without_a_divider_all_belongs_to_the_eal(void **state)
{
	char *argv[] = {"app", "--no-pci", NULL};
	struct arguments a;

	(void)state;
	split(&a, argv);
	assert_int_equal(a.eal_count, 2);
	assert_int_equal(a.app_count, 1);
	assert_null(a.app[1]);
	arguments_free(&a);
}

static void
help_alone_is_ours(void **state)
{
	char *argv[] = {"app", "--help", NULL};
	struct arguments a;

	(void)state;
	split(&a, argv);
	assert_int_equal(a.eal_count, 1);
	assert_int_equal(a.app_count, 2);
	assert_string_equal(a.app[1], "--help");
	arguments_free(&a);
}

static void
an_empty_part_is_no_harm(void **state)
{
	char *argv[] = {"app", "--", NULL};
	struct arguments a;

	(void)state;
	split(&a, argv);
	assert_int_equal(a.eal_count, 1);
	assert_int_equal(a.app_count, 1);
	arguments_free(&a);
}

/* A listening memif socket in the test's folder. */
static int
listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_true(strlen(path) < sizeof(address.sun_path));
	strcpy(address.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static int
clear(const char *path, const char *role, bool joined)
{
	char vdev[256];
	char *with_equals[] = {"app", vdev, "--", NULL};
	char *apart[] = {"app", "--vdev", vdev, "--", NULL};
	struct arguments a;
	int result;

	(void)snprintf(vdev, sizeof(vdev), "%snet_memif0,role=%s,socket-abstract=no,socket=%s",
			joined ? "--vdev=" : "", role, path);
	split(&a, joined ? with_equals : apart);
	result = memif_sockets_clear(&a);
	arguments_free(&a);
	return result;
}

static void
only_a_dead_servers_socket_is_removed(void **state)
{
	char path[128];
	int fd;

	unit_path(state, "memif.sock", path, sizeof(path));
	assert_int_equal(clear(path, "server", true), 0); /* there is none */
	fd = listen_at(path);
	assert_int_equal(clear(path, "server", true), -1); /* it lives */
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(clear(path, "client", true), 0); /* not ours to remove */
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(clear(path, "server", true), 0);
	assert_int_equal(access(path, F_OK), -1);
}

static void
the_argument_may_stand_apart(void **state)
{
	char path[128];

	unit_path(state, "memif.sock", path, sizeof(path));
	assert_int_equal(close(listen_at(path)), 0);
	assert_int_equal(clear(path, "server", false), 0);
	assert_int_equal(access(path, F_OK), -1);
}

/* What is no socket refuses connections too. */
static void
a_file_in_the_way_is_kept(void **state)
{
	char path[128];
	FILE *f;

	unit_path(state, "memif.sock", path, sizeof(path));
	f = fopen(path, "we");
	assert_non_null(f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(clear(path, "server", true), -1);
	assert_int_equal(unlink(path), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(both_parts_begin_with_the_program),
			cmocka_unit_test(without_a_divider_all_belongs_to_the_eal),
			cmocka_unit_test(help_alone_is_ours),
			cmocka_unit_test(an_empty_part_is_no_harm),
			cmocka_unit_test_setup_teardown(only_a_dead_servers_socket_is_removed,
					unit_folder_make, unit_folder_remove),
			cmocka_unit_test_setup_teardown(the_argument_may_stand_apart,
					unit_folder_make, unit_folder_remove),
			cmocka_unit_test_setup_teardown(a_file_in_the_way_is_kept, unit_folder_make,
					unit_folder_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
