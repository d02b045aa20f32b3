#include "unit.h"

#include "tx_buffer.h"

static void
it_is_full_with_the_last_frame_that_there_is_room_for(void **state)
{
	static struct rte_mbuf frames[TX_BUFFER_FRAMES];
	struct tx_buffer b = {0};

	(void)state;
	for (int i = 0; i < TX_BUFFER_FRAMES; i++)
		assert_int_equal(tx_buffer_add(&b, &frames[i], 1), i == TX_BUFFER_FRAMES - 1);
	assert_int_equal(tx_buffer_take(&b), TX_BUFFER_FRAMES);
	for (int i = 0; i < TX_BUFFER_FRAMES; i++)
		assert_ptr_equal(b.frames[i], &frames[i]);
	assert_int_equal(tx_buffer_take(&b), 0);
}

/* It is the first frame that must not wait longer than it may, whenever others came. */
static void
it_is_due_when_the_first_frame_has_waited(void **state)
{
	static struct rte_mbuf frame;
	struct tx_buffer b = {0};

	(void)state;
	assert_false(tx_buffer_due(&b, 1000, 0));
	(void)tx_buffer_add(&b, &frame, 100);
	assert_true(tx_buffer_due(&b, 100, 0));
	assert_false(tx_buffer_due(&b, 149, 50));
	(void)tx_buffer_add(&b, &frame, 149);
	assert_true(tx_buffer_due(&b, 150, 50));
	assert_int_equal(tx_buffer_take(&b), 2);
	assert_false(tx_buffer_due(&b, 10000, 50));
	(void)tx_buffer_add(&b, &frame, 10000);
	assert_false(tx_buffer_due(&b, 10049, 50));
	assert_true(tx_buffer_due(&b, 10050, 50));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(it_is_full_with_the_last_frame_that_there_is_room_for),
			cmocka_unit_test(it_is_due_when_the_first_frame_has_waited),
	};

	return cmocka_run_group_tests_name("tx_buffer", tests, NULL, NULL);
}
