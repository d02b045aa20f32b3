#include "unit.h"

#include "generator_options.h"
#include "meter.h"

#define SIZE 64
#define FLOWS 3

struct fixture {
	struct generator_options options;
	struct meter meter;
	uint8_t out[8][SIZE];
};

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -1;
	generator_options_begin(&f->options, 100);
	f->options.flows = FLOWS;
	f->options.size = SIZE;
	f->options.depth = 8;
	f->options.tag = 9;
	f->options.max_samples = 8;
	*state = f;
	return meter_begin(&f->meter, &f->options);
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	meter_end(&f->meter);
	free(f);
	return 0;
}

/* Sends `count` messages, the first at `tick`, each a tick after the one before. */
static void
send_some(struct fixture *f, int count, uint64_t tick)
{
	for (int i = 0; i < count; i++)
		meter_write(&f->meter, (uint64_t)i, f->out[i]);
	for (int i = 0; i < count; i++)
		assert_true(meter_sent(&f->meter, tick + (uint64_t)i));
}

static enum meter_verdict
give_back(struct fixture *f, int index)
{
	return meter_returned(&f->meter, f->out[index], SIZE, 5000);
}

static void
messages_go_round_the_flows(void **state)
{
	struct fixture *f = *state;
	struct message m;

	send_some(f, 5, 100);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(message_read(&m, f->out[i], SIZE, 9), MESSAGE_OK);
		assert_int_equal(m.seq, i);
		assert_int_equal(m.flow, i % FLOWS);
		assert_int_equal(m.length, SIZE);
	}
	assert_int_equal(f->meter.outstanding, 5);
	assert_int_equal(meter_room(&f->meter), 3);
}

static void
the_full_recorder_refuses(void **state)
{
	struct fixture *f = *state;

	send_some(f, 8, 100);
	assert_int_equal(meter_room(&f->meter), 0);
	assert_true(meter_next(&f->meter) == RECORDER_FULL);
	assert_false(meter_sent(&f->meter, 200));
	assert_int_equal(f->meter.outstanding, 8);
}

/* Order counts within a flow: flows may overtake each other. */
static void
reordering_is_counted_per_flow(void **state)
{
	struct fixture *f = *state;

	send_some(f, 8, 100);
	assert_int_equal(give_back(f, 2), METER_OK); /* flow 2 before 0 and 1: nothing wrong */
	assert_int_equal(give_back(f, 1), METER_OK);
	assert_int_equal(give_back(f, 3), METER_OK); /* flow 0, its second */
	assert_int_equal(f->meter.reordered, 0);
	assert_int_equal(give_back(f, 0), METER_OK); /* flow 0, its first */
	assert_int_equal(f->meter.reordered, 1);
	assert_int_equal(give_back(f, 6), METER_OK);
	assert_int_equal(f->meter.reordered, 1);
	assert_int_equal(f->meter.outstanding, 3);
	assert_int_equal(f->meter.returns, 5);
}

static void
duplicates_free_no_place_twice(void **state)
{
	struct fixture *f = *state;

	send_some(f, 2, 100);
	assert_int_equal(give_back(f, 0), METER_OK);
	assert_int_equal(give_back(f, 0), METER_REPEATED);
	assert_int_equal(f->meter.outstanding, 1);
	assert_int_equal(recorder_counts(f->meter.recorder).duplicates, 1);
	meter_write(&f->meter, 3, f->out[7]); /* written, never sent */
	assert_int_equal(give_back(f, 7), METER_REPEATED);
	assert_int_equal(recorder_counts(f->meter.recorder).unknown, 1);
	assert_int_equal(f->meter.outstanding, 1);
}

static void
wrong_messages_are_counted_by_what_is_wrong(void **state)
{
	struct fixture *f = *state;
	struct message m = {.seq = 1, .flow = 0, .length = SIZE, .tag = 9};

	send_some(f, 4, 100);
	f->out[0][SIZE - 1] ^= 1;
	assert_int_equal(give_back(f, 0), METER_REFUSED);
	f->out[1][0] ^= 1;
	assert_int_equal(give_back(f, 1), METER_REFUSED);
	assert_int_equal(meter_returned(&f->meter, f->out[2], SIZE - 1, 5000), METER_REFUSED);
	assert_int_equal(f->meter.errors[MESSAGE_CORRUPT], 1);
	assert_int_equal(f->meter.errors[MESSAGE_FOREIGN], 1);
	assert_int_equal(f->meter.errors[MESSAGE_SHORT], 1);
	/* Whole in itself, but nothing that we would send: number 1 is of flow 1, and has another
	 * size. */
	message_write(f->out[7], &m);
	assert_int_equal(give_back(f, 7), METER_REFUSED);
	m = (struct message){.seq = 1, .flow = 1, .length = SIZE - 8, .tag = 9};
	message_write(f->out[7], &m);
	assert_int_equal(give_back(f, 7), METER_REFUSED);
	assert_int_equal(f->meter.errors[MESSAGE_CORRUPT], 3);
	assert_int_equal(f->meter.outstanding, 4);
}

static void
lost_ones_expire_in_order(void **state)
{
	struct fixture *f = *state;

	send_some(f, 4, 1000);
	assert_int_equal(give_back(f, 1), METER_OK);
	assert_int_equal(meter_expire(&f->meter, 900, 50), 0); /* meant to leave later than now */
	assert_int_equal(meter_expire(&f->meter, 1050, 50), 0);
	assert_int_equal(meter_expire(&f->meter, 1051, 50), 1);
	assert_int_equal(f->meter.outstanding, 2);
	assert_int_equal(f->meter.oldest, 2);		   /* past the one that had returned */
	assert_int_equal(give_back(f, 0), METER_REPEATED); /* late: stays lost */
	assert_int_equal(recorder_counts(f->meter.recorder).late, 1);
	assert_int_equal(f->meter.outstanding, 2);
	assert_int_equal(meter_expire(&f->meter, 9999, 50), 2);
	assert_int_equal(f->meter.outstanding, 0);
	assert_int_equal(meter_expire(&f->meter, 9999, 50), 0);
}

/* Two who take from one queue overtake one another; what one of them gives back is in order. */
static void
order_can_be_judged_by_who_gives_back(void **state)
{
	struct fixture *f = *state;
	uint64_t seq = 99;

	send_some(f, 8, 100);
	assert_int_equal(meter_returned_by(&f->meter, f->out[6], SIZE, 5000, 1, &seq), METER_OK);
	assert_int_equal(seq, 6);
	assert_int_equal(meter_returned_by(&f->meter, f->out[3], SIZE, 5000, 2, &seq), METER_OK);
	assert_int_equal(seq, 3);
	assert_int_equal(f->meter.reordered, 0);
	assert_int_equal(meter_returned_by(&f->meter, f->out[0], SIZE, 5000, 1, &seq), METER_OK);
	assert_int_equal(f->meter.reordered, 1);
	assert_int_equal(meter_returned_by(&f->meter, f->out[0], SIZE, 5000, 63, &seq),
			METER_REPEATED);
}

/* A short message does not say its flow, which follows from its number. */
static void
short_messages_are_measured_too(void **state)
{
	struct fixture *f = *state;
	uint8_t bytes[3][MESSAGE_SHORT_MIN_BYTES];

	f->meter.size = MESSAGE_SHORT_MIN_BYTES;
	for (int i = 0; i < 3; i++)
		meter_write(&f->meter, (uint64_t)i, bytes[i]);
	for (int i = 0; i < 3; i++)
		assert_true(meter_sent(&f->meter, 100));
	for (int i = 2; i >= 0; i--)
		assert_int_equal(meter_returned(&f->meter, bytes[i], sizeof(bytes[i]), 5000),
				METER_OK);
	assert_int_equal(f->meter.reordered, 0);
	bytes[0][7] ^= 1;
	assert_int_equal(
			meter_returned(&f->meter, bytes[0], sizeof(bytes[0]), 5000), METER_REFUSED);
	assert_int_equal(f->meter.errors[MESSAGE_CORRUPT], 1);
}

/* The books as they stand in the file. */
static char *
books(const struct meter *m, uint64_t received, uint64_t taken, uint64_t sent)
{
	void *folder = NULL;
	char path[96];
	size_t length;
	struct stats *s;
	char *text;

	assert_int_equal(unit_folder_make(&folder), 0);
	unit_path(&folder, "stats", path, sizeof(path));
	s = stats_open(path, "a", "b");
	assert_non_null(s);
	meter_books(m, received, taken, sent, s);
	assert_int_equal(stats_close(s), 0);
	text = (char *)unit_read(path, &length);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(unit_folder_remove(&folder), 0);
	return text;
}

static void
the_books_tell_every_message(void **state)
{
	static const char told[] = "{\n"
				   " \"schema\": 1,\n"
				   " \"app\": \"a\",\n"
				   " \"role\": \"b\",\n"
				   " \"accounting\": {\n"
				   "  \"in\": 9,\n"
				   "  \"out\": 4,\n"
				   "  \"drops\": 3,\n"
				   "  \"reasons\": {\n"
				   "   \"short\": 0,\n"
				   "   \"foreign\": 1,\n"
				   "   \"corrupt\": 2\n"
				   "  }\n"
				   " },\n"
				   " \"sending\": {\n"
				   "  \"sent\": 7,\n"
				   "  \"returned\": 2,\n"
				   "  \"lost\": 1,\n"
				   "  \"out\": 2\n"
				   " }\n"
				   "}\n";
	struct fixture *f = *state;
	char *text;

	send_some(f, 5, 1000);
	f->out[2][SIZE - 1] ^= 1;
	f->out[3][0] ^= 1;
	assert_int_equal(give_back(f, 0), METER_OK);
	assert_int_equal(give_back(f, 1), METER_OK);
	assert_int_equal(give_back(f, 1), METER_REPEATED);
	assert_int_equal(give_back(f, 2), METER_REFUSED);
	assert_int_equal(give_back(f, 2), METER_REFUSED);
	assert_int_equal(give_back(f, 3), METER_REFUSED);
	assert_int_equal(meter_expire(&f->meter, 1053, 50), 1); /* number 2 */
	f->out[2][SIZE - 1] ^= 1;
	assert_int_equal(give_back(f, 2), METER_REPEATED); /* late */
	/* 7 came and 5 were sent: who counted otherwise, as here, is not corrected. */
	text = books(&f->meter, 9, meter_taken(&f->meter), 7);
	assert_string_equal(text, told);
	free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
			TEST(messages_go_round_the_flows),
			TEST(the_full_recorder_refuses),
			TEST(reordering_is_counted_per_flow),
			TEST(duplicates_free_no_place_twice),
			TEST(wrong_messages_are_counted_by_what_is_wrong),
			TEST(lost_ones_expire_in_order),
			TEST(order_can_be_judged_by_who_gives_back),
			TEST(short_messages_are_measured_too),
			TEST(the_books_tell_every_message),
	};

	return cmocka_run_group_tests_name("meter", tests, NULL, NULL);
}
