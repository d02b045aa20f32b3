#include "unit.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "control.h"

struct pair {
	int dispatcher;
	int worker;
};

static int
set_up(void **state)
{
	struct pair *p = calloc(1, sizeof(*p));
	int ends[2];

	if (p == NULL || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends) != 0)
		return -1;
	*p = (struct pair){ends[0], ends[1]};
	*state = p;
	return 0;
}

static int
tear_down(void **state)
{
	struct pair *p = *state;

	if (p->dispatcher >= 0)
		(void)close(p->dispatcher);
	(void)close(p->worker);
	free(p);
	return 0;
}

static void
records_come_whole_and_in_order(void **state)
{
	struct pair *p = *state;
	struct control join = {.kind = CONTROL_JOIN, .value = 7};
	struct control bye = {.kind = CONTROL_BYE};
	struct control got = {0};
	int fd = 99;

	assert_int_equal(control_receive(p->dispatcher, &got, &fd), CONTROL_NOTHING);
	assert_int_equal(fd, -1);
	assert_int_equal(control_send(p->worker, &join, -1), CONTROL_GOT);
	assert_int_equal(control_send(p->worker, &bye, -1), CONTROL_GOT);
	assert_int_equal(control_receive(p->dispatcher, &got, &fd), CONTROL_GOT);
	assert_int_equal(got.kind, CONTROL_JOIN);
	assert_int_equal(got.value, 7);
	assert_int_equal(fd, -1);
	assert_int_equal(control_receive(p->dispatcher, &got, &fd), CONTROL_GOT);
	assert_int_equal(got.kind, CONTROL_BYE);
}

/* What is written at one end of a pipe whose other end was passed is read there, by another number.
 */
static void
a_descriptor_passes_and_stays_open_here(void **state)
{
	struct pair *p = *state;
	struct control c = {.kind = CONTROL_CONNECTION, .value = 64};
	struct control got = {0};
	char text[6] = "";
	int ends[2];
	int fd = -1;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(control_send(p->dispatcher, &c, ends[0]), CONTROL_GOT);
	assert_int_equal(fcntl(ends[0], F_GETFD), 0);
	assert_int_equal(close(ends[0]), 0);
	assert_int_equal(control_receive(p->worker, &got, &fd), CONTROL_GOT);
	assert_int_equal(got.value, 64);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(write(ends[1], "hello", 5), 5);
	assert_int_equal(read(fd, text, 5), 5);
	assert_string_equal(text, "hello");
	(void)close(fd);
	(void)close(ends[1]);
}

static void
another_version_is_told_and_its_descriptor_closed(void **state)
{
	struct pair *p = *state;
	struct control got;
	uint8_t record[16] = {0};
	int fd = -1;

	assert_int_equal(send(p->worker, record, 12, 0), 12);
	assert_int_equal(control_receive(p->dispatcher, &got, &fd), CONTROL_WRONG);
	assert_int_equal(send(p->worker, record, 3, 0), 3);
	assert_int_equal(control_receive(p->dispatcher, &got, &fd), CONTROL_WRONG);
	assert_int_equal(send(p->worker, record, 16, 0), 16);
	assert_int_equal(control_receive(p->dispatcher, &got, &fd), CONTROL_WRONG);
}

static void
an_end_that_is_gone_is_told_both_ways(void **state)
{
	struct pair *p = *state;
	struct control c = {.kind = CONTROL_BYE};
	int fd = -1;

	assert_int_equal(close(p->dispatcher), 0);
	p->dispatcher = -1;
	assert_int_equal(control_receive(p->worker, &c, &fd), CONTROL_CLOSED);
	assert_int_equal(control_send(p->worker, &c, -1), CONTROL_CLOSED);
}

static void
a_peer_that_does_not_read_never_blocks_the_sender(void **state)
{
	struct pair *p = *state;
	struct control c = {.kind = CONTROL_CONNECTION, .value = 1};
	enum control_result result = CONTROL_GOT;

	for (int i = 0; i < 100000 && result == CONTROL_GOT; i++)
		result = control_send(p->dispatcher, &c, -1);
	assert_int_equal(result, CONTROL_NOTHING);
}

static void
a_path_that_a_killed_dispatcher_left_is_taken_and_a_living_ones_is_not(void **state)
{
	struct unit_folder *folder = NULL;
	char path[128];
	int first, second;

	(void)state;
	assert_int_equal(unit_folder_make((void **)&folder), 0);
	unit_path((void **)&folder, "socket", path, sizeof(path));
	first = control_listen(path);
	assert_true(first >= 0);
	assert_int_equal(control_listen(path), -1);
	assert_int_equal(close(first), 0); /* the file stays, and nobody listens */
	second = control_listen(path);
	assert_true(second >= 0);
	assert_int_equal(close(second), 0);
	assert_int_equal(control_join(path, 0, 100), -1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(control_join(path, 0, 100), -1);
	assert_int_equal(unit_folder_remove((void **)&folder), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
			TEST(records_come_whole_and_in_order),
			TEST(a_descriptor_passes_and_stays_open_here),
			TEST(another_version_is_told_and_its_descriptor_closed),
			TEST(an_end_that_is_gone_is_told_both_ways),
			TEST(a_peer_that_does_not_read_never_blocks_the_sender),
			cmocka_unit_test(
					a_path_that_a_killed_dispatcher_left_is_taken_and_a_living_ones_is_not),
	};

	return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
