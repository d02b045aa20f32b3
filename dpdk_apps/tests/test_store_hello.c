/* What a client and a server of the store agree on before the first request. */
#include "unit.h"

#include "hello.h"
#include "packet.h"

static void
each_mismatch_has_its_reason_and_text(void **state)
{
	const struct hello ours = {.version_min = 1,
			.version_max = 2,
			.slots = 32,
			.most = 1472,
			.value_max = 1 << 20,
			.features = 3,
			.window = 64};
	struct hello both;
	struct refusal r;
	char text[160];

	(void)state;
	for (uint16_t reason = REFUSAL_NONE; reason < REFUSAL_REASONS; reason++) {
		struct hello theirs = ours;

		theirs.window = 16;
		theirs.most = 9000;
		theirs.features = 1;
		if (reason == REFUSAL_VERSION)
			theirs.version_min = theirs.version_max = 3;
		if (reason == REFUSAL_PACKET)
			theirs.most = PACKET_LEAST_MOST - 1;
		if (reason == REFUSAL_VALUE)
			theirs.value_max++;
		if (reason == REFUSAL_FEATURES)
			theirs.features = 5;
		if (reason == REFUSAL_SLOTS)
			theirs.slots = 12;
		if (reason == REFUSAL_WINDOW)
			theirs.window = 0;
		assert_int_equal(hello_agree(&both, &r, &ours, &theirs), reason == REFUSAL_NONE);
		assert_int_equal(r.reason, reason);
		refusal_text(&r, &theirs, text, sizeof(text));
		assert_true(strlen(text) > 10);
		if (reason == REFUSAL_NONE) {
			assert_int_equal(both.version_max, 2);
			assert_int_equal(both.most, 1472);
			assert_int_equal(both.window, 16);
			assert_int_equal(both.features, 1);
		}
		if (reason == REFUSAL_VERSION)
			assert_string_equal(text, "the client speaks versions 3 to 3 of the "
						  "protocol, the server 1 to 2");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(each_mismatch_has_its_reason_and_text),
	};

	return cmocka_run_group_tests_name("store_hello", tests, NULL, NULL);
}
