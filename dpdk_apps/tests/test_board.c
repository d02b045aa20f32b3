#include "unit.h"

/* Its layout is its own: only with it can a board of another version be made. */
#include "../client_server/board.c"

static struct board board;

static int
set_up(void **state)
{
	(void)state;
	memset(&board, 0, sizeof(board));
	board.version = VERSION;
	board.arrangement.num_clients = 3;
	return 0;
}

static void
a_client_of_the_group_fits(void **state)
{
	(void)state;
	assert_true(fits(&board, 0, 0));
	assert_true(fits(&board, 2, 3));
}

static void
what_does_not_fit_is_refused(void **state)
{
	(void)state;
	assert_false(fits(&board, 3, 0));
	assert_false(fits(&board, 0, 4));
	board.version = VERSION + 1;
	assert_false(fits(&board, 0, 0));
}

/* A client gets a pointer that it may write through to its own counts only: the others are const.
 */
static void
a_view_lets_its_owner_write_its_own_counts_only(void **state)
{
	(void)state;
	assert_true(_Generic((struct client_view){0}.own, struct client_counts *
			     : true, default
			     : false));
	assert_true(_Generic((struct client_view){0}.counts, const struct client_counts *: true,
			default: false));
	assert_true(_Generic((struct client_view){0}.offers, const struct offer_counts *: true,
			default: false));
	assert_true(_Generic((struct client_view){0}.arrangement, const struct arrangement *: true,
			default: false));
	assert_true(_Generic((struct server_view){0}.offers, struct offer_counts *
			     : true, default
			     : false));
	assert_true(_Generic((struct server_view){0}.counts, const struct client_counts *: true,
			default: false));
}

/* Two processes that count on one cache line would slow each other down. */
static void
counts_of_two_writers_share_no_cache_line(void **state)
{
	(void)state;
	assert_int_equal(offsetof(struct board, clients) % RTE_CACHE_LINE_SIZE, 0);
	assert_int_equal(offsetof(struct board, rx) % RTE_CACHE_LINE_SIZE, 0);
	assert_int_equal(offsetof(struct board, offers) % RTE_CACHE_LINE_SIZE, 0);
	assert_int_equal(offsetof(struct board, counts) % RTE_CACHE_LINE_SIZE, 0);
	assert_int_equal(sizeof(struct offer_counts) % RTE_CACHE_LINE_SIZE, 0);
	assert_int_equal(sizeof(struct client_counts) % RTE_CACHE_LINE_SIZE, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test_setup(a_client_of_the_group_fits, set_up),
			cmocka_unit_test_setup(what_does_not_fit_is_refused, set_up),
			cmocka_unit_test(a_view_lets_its_owner_write_its_own_counts_only),
			cmocka_unit_test(counts_of_two_writers_share_no_cache_line),
	};

	return cmocka_run_group_tests_name("board", tests, NULL, NULL);
}
