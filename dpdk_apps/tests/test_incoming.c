#include "unit.h"

#include "generator_options.h"
#include "incoming.h"

#define TAG 0xa1b2c3d4u
#define FLOWS 2

struct end {
	struct message_plan plan;
	struct meter meter;
	struct outgoing outgoing;
	struct incoming incoming;
	uint64_t digest;
	uint8_t wire[4096];
};

static struct end *
begin(enum record_type type, uint32_t bytes)
{
	struct generator_options options = {
			.flows = FLOWS, .depth = 1, .max_samples = 16, .tag = TAG};
	struct end *e = calloc(1, sizeof(*e));

	assert_non_null(e);
	assert_true(message_plan(&e->plan, type, bytes, 1472, TAG));
	assert_int_equal(meter_begin(&e->meter, &options), 0);
	assert_int_equal(outgoing_begin(&e->outgoing, &e->plan), 0);
	assert_int_equal(incoming_begin(&e->incoming, &e->plan, &e->meter, 2, 1000), 0);
	return e;
}

static void
end(struct end *e)
{
	incoming_end(&e->incoming);
	outgoing_end(&e->outgoing);
	meter_end(&e->meter);
	free(e);
}

/* Sends the next message; its number. */
static uint32_t
send_next(struct end *e)
{
	uint32_t seq = (uint32_t)meter_next(&e->meter);

	outgoing_make(&e->outgoing, seq);
	assert_true(meter_sent(&e->meter, 1));
	e->digest += e->outgoing.digest;
	return seq;
}

static enum incoming_result
deliver(struct end *e, uint16_t index, size_t more, uint32_t flow)
{
	uint32_t n = outgoing_record(&e->outgoing, index, e->wire);

	memset(e->wire + n, 0xee, more);
	return incoming_take(&e->incoming, e->wire, n + more, flow, 2);
}

static void
what_was_sent_is_taken_whatever_follows_it(void **state)
{
	(void)state;
	/* A pitfall: frames are padded to 60 B, and the padding is no payload. */
	for (size_t padding = 0; padding < 60; padding += 17) {
		struct end *e = begin(RECORD_BYTES, 1);
		uint32_t seq = send_next(e);

		assert_int_equal(deliver(e, 0, padding, seq % FLOWS), INCOMING_TAKEN);
		assert_int_equal(e->meter.returns, 1);
		assert_true(e->incoming.digest == e->digest);
		end(e);
	}
}

static void
repeated_messages_do_not_count_twice(void **state)
{
	struct end *e = begin(RECORD_STRUCT, 64);
	uint32_t seq = send_next(e);

	(void)state;
	assert_int_equal(deliver(e, 0, 0, seq % FLOWS), INCOMING_TAKEN);
	assert_int_equal(deliver(e, 0, 0, seq % FLOWS), INCOMING_REPEATED);
	assert_int_equal(recorder_counts(e->meter.recorder).duplicates, 1);
	assert_true(e->incoming.digest == e->digest);
	end(e);
}

/* A right CRC does not help a message that is not what its number says, or comes by another flow.
 */
static void
wrong_contents_are_corrupt(void **state)
{
	struct end *e = begin(RECORD_STRUCT, 64);
	uint32_t seq = send_next(e);

	(void)state;
	assert_int_equal(deliver(e, 0, 0, (seq + 1) % FLOWS), INCOMING_REFUSED);
	e->outgoing.body[20] ^= 1;
	assert_int_equal(deliver(e, 0, 0, seq % FLOWS), INCOMING_REFUSED);
	assert_int_equal(e->meter.errors[MESSAGE_CORRUPT], 2);
	assert_int_equal(e->meter.returns, 0);
	assert_int_equal(incoming_take(&e->incoming, e->wire, 20, 0, 2), INCOMING_REFUSED);
	assert_int_equal(e->meter.errors[MESSAGE_SHORT], 1);
	memset(e->wire, 0, sizeof(e->wire));
	assert_int_equal(incoming_take(&e->incoming, e->wire, 64, 0, 2), INCOMING_REFUSED);
	assert_int_equal(e->meter.errors[MESSAGE_FOREIGN], 1);
	end(e);
}

static void
fragments_become_a_message(void **state)
{
	struct end *e = begin(RECORD_LARGE, 3500);
	uint32_t seq = send_next(e);

	(void)state;
	assert_int_equal(e->plan.records, 3);
	assert_int_equal(deliver(e, 2, 0, seq % FLOWS), INCOMING_TAKEN);
	assert_int_equal(deliver(e, 0, 0, seq % FLOWS), INCOMING_TAKEN);
	assert_int_equal(e->meter.returns, 0);
	assert_int_equal(deliver(e, 0, 0, seq % FLOWS), INCOMING_REPEATED);
	assert_int_equal(deliver(e, 1, 0, seq % FLOWS), INCOMING_TAKEN);
	assert_int_equal(e->meter.returns, 1);
	assert_true(e->incoming.digest == e->digest);
	assert_int_equal(e->incoming.records, 4);
	end(e);
}

/* Every record that came is taken or refused, by what the meter and the reassembly say. */
static void
records_taken_are_those_that_came_and_were_not_refused(void **state)
{
	struct end *e = begin(RECORD_LARGE, 4000);
	uint32_t seq = send_next(e);
	uint32_t flow = meter_flow(&e->meter, seq);
	uint32_t n;

	(void)state;
	assert_int_equal(e->plan.records, 3);
	for (uint16_t i = 0; i < 3; i++)
		assert_int_equal(deliver(e, i, 0, flow), INCOMING_TAKEN);
	assert_int_equal(deliver(e, 1, 0, flow), INCOMING_REPEATED);
	assert_int_equal(incoming_taken(&e->incoming), 4);
	/* Cut off, and of another flow. */
	n = outgoing_record(&e->outgoing, 0, e->wire);
	assert_int_equal(incoming_take(&e->incoming, e->wire, n - 1, flow, 2), INCOMING_REFUSED);
	assert_int_equal(deliver(e, 0, 0, flow + 1), INCOMING_REFUSED);
	/* One that never becomes whole. */
	flow = meter_flow(&e->meter, send_next(e));
	assert_int_equal(deliver(e, 2, 0, flow), INCOMING_TAKEN);
	reassembly_expire(e->incoming.reassembly, UINT64_MAX);
	assert_int_equal(incoming_taken(&e->incoming), 5);
	assert_int_equal(e->incoming.records, 7);
	assert_int_equal(e->incoming.records - incoming_taken(&e->incoming),
			e->meter.errors[MESSAGE_SHORT] + e->meter.errors[MESSAGE_CORRUPT]);
	end(e);

	e = begin(RECORD_BYTES, 100);
	flow = meter_flow(&e->meter, send_next(e));
	assert_int_equal(deliver(e, 0, 0, flow), INCOMING_TAKEN);
	assert_int_equal(deliver(e, 0, 0, flow), INCOMING_REPEATED);
	assert_int_equal(incoming_taken(&e->incoming), 2);
	end(e);
}

static void
a_message_in_pieces_is_given_up_at_its_age(void **state)
{
	struct end *e = begin(RECORD_LARGE, 4000);
	uint32_t flow = meter_flow(&e->meter, send_next(e));

	(void)state;
	assert_int_equal(deliver(e, 0, 0, flow), INCOMING_TAKEN); /* at tick 2, for 1000 */
	incoming_expire(&e->incoming, 1002);
	assert_int_equal(reassembly_counts(e->incoming.reassembly).given_up, 0);
	incoming_expire(&e->incoming, 1501); /* too early for another look */
	assert_int_equal(reassembly_counts(e->incoming.reassembly).given_up, 0);
	incoming_expire(&e->incoming, 1502);
	assert_int_equal(reassembly_counts(e->incoming.reassembly).given_up, 1);
	assert_int_equal(reassembly_counts(e->incoming.reassembly).discarded, 1);
	end(e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(a_message_in_pieces_is_given_up_at_its_age),
			cmocka_unit_test(records_taken_are_those_that_came_and_were_not_refused),
			cmocka_unit_test(what_was_sent_is_taken_whatever_follows_it),
			cmocka_unit_test(repeated_messages_do_not_count_twice),
			cmocka_unit_test(wrong_contents_are_corrupt),
			cmocka_unit_test(fragments_become_a_message),
	};

	return cmocka_run_group_tests_name("incoming", tests, NULL, NULL);
}
