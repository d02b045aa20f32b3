#include "unit.h"

#include "capture.h"
#include "pcap_file.h"

/* By hand, from the format's description; little endian, as this machine is. */
static const uint8_t golden[] = {0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff,
		0xff, 0, 0, 1, 0, 0, 0, 0x40, 0xe2, 0x01, 0x00, 0x15, 0xcd, 0x5b, 0x07, 3, 0, 0, 0,
		3, 0, 0, 0, 0xaa, 0x00, 0xcc, 0x41, 0xe2, 0x01, 0x00, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0};

static void
a_file_has_the_golden_bytes(void **state)
{
	static const uint8_t packet[] = {0xaa, 0x00, 0xcc};
	struct pcap_file *f;
	char path[128];
	size_t length;
	uint8_t *bytes;

	unit_path(state, "a.pcap", path, sizeof(path));
	f = pcap_file_open(path, PCAP_ETHERNET);
	assert_non_null(f);
	pcap_file_add(f, packet, sizeof(packet), 123456123456789u);
	pcap_file_add(f, packet, 0, 123457000000000u);
	assert_int_equal(pcap_file_close(f), 0);
	bytes = unit_read(path, &length);
	assert_int_equal(length, sizeof(golden));
	assert_memory_equal(bytes, golden, sizeof(golden));
	free(bytes);
	assert_int_equal(unlink(path), 0);
}

static void
a_file_that_cannot_be_written_is_told(void **state)
{
	(void)state;
	assert_null(pcap_file_open("/no/such/folder/a.pcap", PCAP_ETHERNET));
}

static void
a_capture_keeps_the_first_packets_and_no_more(void **state)
{
	static const uint8_t packet[20] = "binary\0data";
	struct capture c;
	char name[128];
	char path[160];
	size_t length;
	uint8_t *text;

	unit_path(state, "end", name, sizeof(name));
	assert_int_equal(capture_begin(&c, name, 2, PCAP_USER), 0);
	for (int i = 0; i < 3 && capture_wants(&c, CAPTURE_TX); i++)
		capture_hexdump(capture_add(&c, CAPTURE_TX, packet, sizeof(packet)), packet,
				sizeof(packet));
	assert_false(capture_wants(&c, CAPTURE_TX));
	assert_true(capture_wants(&c, CAPTURE_RX));
	assert_int_equal(capture_end(&c), 0);
	(void)snprintf(path, sizeof(path), "%s.dump.txt", name);
	text = unit_read(path, &length);
	assert_non_null(strstr((char *)text, "# tx, 20 bytes\n00000000: 62 69 6e 61 72 79 00"));
	assert_non_null(strstr((char *)text, "| binary.data."));
	free(text);
	assert_int_equal(unlink(path), 0);
	(void)snprintf(path, sizeof(path), "%s.rx.pcap", name);
	free(unit_read(path, &length));
	assert_int_equal(length, 24);
	assert_int_equal(unlink(path), 0);
	(void)snprintf(path, sizeof(path), "%s.tx.pcap", name);
	free(unit_read(path, &length));
	assert_int_equal(length, 24 + 2 * (16 + 20));
	assert_int_equal(unlink(path), 0);
}

static void
no_capture_makes_no_file(void **state)
{
	struct capture c;

	(void)state;
	assert_int_equal(capture_begin(&c, NULL, 0, PCAP_ETHERNET), 0);
	assert_false(capture_wants(&c, CAPTURE_TX));
	assert_int_equal(capture_end(&c), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(a_file_has_the_golden_bytes),
			cmocka_unit_test(a_file_that_cannot_be_written_is_told),
			cmocka_unit_test(a_capture_keeps_the_first_packets_and_no_more),
			cmocka_unit_test(no_capture_makes_no_file),
	};

	return cmocka_run_group_tests_name(
			"pcap_file", tests, unit_folder_make, unit_folder_remove);
}
