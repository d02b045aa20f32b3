#include "unit.h"

#include "hello.h"
#include "mix64.h"
#include "packet.h"

#define CLIENT 0x0102030405060708u
#define SERVER 0xf1f2f3f4f5f6f7f8u
#define NOISE_ROUNDS 200000

struct golden {
	char name[16];
	size_t bytes;
	uint8_t data[128];
};

/* The packet `name` of the file that the Python side is tested by too. */
static struct golden
golden(const char *name)
{
	FILE *f = fopen(GOLDEN_FILE, "re");
	struct golden g = {.bytes = 0};
	char line[512];
	char digits[257];

	assert_non_null(f);
	while (g.bytes == 0 && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%15s %256s", g.name, digits) != 2 || strcmp(g.name, name) != 0)
			continue;
		for (const char *d = digits; d[0] != 0; d += 2) {
			unsigned int byte;

			assert_int_equal(sscanf(d, "%2x", &byte), 1);
			g.data[g.bytes++] = (uint8_t)byte;
		}
	}
	assert_int_equal(fclose(f), 0);
	assert_true(g.bytes >= PACKET_HEADER_BYTES);
	return g;
}

static struct packet
base(enum packet_type type)
{
	return (struct packet){.version = 1,
			.type = (uint8_t)type,
			.client_epoch = CLIENT,
			.server_epoch = SERVER,
			.id = 0x1112131415161718u,
			.session = 0x21222324u};
}

static void
same(const char *name, const struct packet *p)
{
	struct golden g = golden(name);
	uint8_t header[PACKET_HEADER_BYTES];
	struct packet read;

	packet_encode(header, p);
	assert_int_equal(g.bytes, PACKET_HEADER_BYTES + p->length);
	assert_memory_equal(header, g.data, PACKET_HEADER_BYTES);
	if (p->length > 0)
		assert_memory_equal(p->payload, g.data + PACKET_HEADER_BYTES, p->length);
	assert_int_equal(packet_decode(&read, g.data, g.bytes), PACKET_OK);
	assert_int_equal(read.type, p->type);
	assert_int_equal(read.client_epoch, p->client_epoch);
	assert_int_equal(read.server_epoch, p->server_epoch);
	assert_int_equal(read.id, p->id);
	assert_int_equal(read.session, p->session);
	assert_int_equal(read.total, p->total);
	assert_int_equal(read.offset, p->offset);
	assert_int_equal(read.index, p->index);
	assert_int_equal(read.count, p->count);
	assert_int_equal(read.flags, p->flags);
	assert_int_equal(read.length, p->length);
	assert_ptr_equal(read.payload, g.data + PACKET_HEADER_BYTES);
}

static void
payload(struct packet *p, const void *bytes, uint32_t n)
{
	p->payload = bytes;
	p->length = n;
}

static void
golden_bytes_are_written_and_read(void **state)
{
	struct hello wanted = {.version_min = 1,
			.version_max = 1,
			.slots = 32,
			.most = 1472,
			.value_max = 1052672,
			.features = 0x80000001u,
			.window = 64};
	const struct refusal refusal = {.version_min = 1,
			.version_max = 3,
			.reason = REFUSAL_VALUE,
			.offered = 65536};
	uint8_t bytes[HELLO_BYTES];
	struct packet p = base(PACKET_HELLO);

	(void)state;
	p.server_epoch = 0;
	p.session = 0;
	hello_write(bytes, &wanted);
	payload(&p, bytes, HELLO_BYTES);
	same("hello", &p);
	p = base(PACKET_WELCOME);
	wanted.slots = 16;
	hello_write(bytes, &wanted);
	payload(&p, bytes, HELLO_BYTES);
	same("welcome", &p);
	p = base(PACKET_REQUEST);
	p.total = 5;
	p.count = 1;
	payload(&p, "\x00\xff\x7f\x80\x0a", 5);
	same("request", &p);
	p = base(PACKET_ANSWER);
	p.total = 100;
	p.offset = 96;
	p.index = 2;
	p.count = 3;
	p.flags = PACKET_REPORT;
	payload(&p, "tail", 4);
	same("answer", &p);
	p = base(PACKET_ASK);
	p.count = 11;
	p.flags = PACKET_LATE;
	payload(&p, "\xfe\x05", 2);
	same("ask", &p);
	p = base(PACKET_HAVE);
	same("have", &p);
	p = base(PACKET_BUSY);
	same("busy", &p);
	p = base(PACKET_RESTARTED);
	payload(&p, "\1\2\3\4\5\6\7\10", RESTARTED_BYTES);
	same("restarted", &p);
	p = base(PACKET_REFUSED);
	refusal_write(bytes, &refusal);
	payload(&p, bytes, REFUSAL_BYTES);
	same("refused", &p);
	p = base(PACKET_BYE);
	same("bye", &p);
}

static const char *const names[] = {"hello", "welcome", "request", "answer", "ask", "have", "busy",
		"restarted", "refused", "bye"};

static void
every_flipped_bit_and_every_cut_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct golden g = golden(names[i]);
		struct packet p;

		for (size_t bit = 0; bit < 8 * g.bytes; bit++) {
			enum packet_error error;

			g.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
			error = packet_decode(&p, g.data, g.bytes);
			assert_true(error == PACKET_FOREIGN || error == PACKET_LENGTH ||
					error == PACKET_CORRUPT);
			g.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		for (size_t n = 0; n < g.bytes; n++) {
			/* Memory of exactly this size, so that ASan sees a byte too far. */
			uint8_t *cut = malloc(n + (n == 0));

			assert_non_null(cut);
			memcpy(cut, g.data, n);
			assert_int_equal(packet_decode(&p, cut, n),
					n < PACKET_HEADER_BYTES ? PACKET_SHORT : PACKET_LENGTH);
			free(cut);
		}
		assert_int_equal(packet_decode(&p, g.data, g.bytes + 1), PACKET_LENGTH);
	}
}

static enum packet_error
decoded(struct packet p)
{
	uint8_t bytes[PACKET_HEADER_BYTES + 512] = {0};

	p.payload = bytes + PACKET_HEADER_BYTES;
	packet_encode(bytes, &p);
	return packet_decode(&p, bytes, PACKET_HEADER_BYTES + p.length);
}

static void
each_reason_is_told(void **state)
{
	struct packet p = base(PACKET_BYE);
	struct packet fragment = base(PACKET_ANSWER);

	(void)state;
	p.version = PACKET_VERSION_MAX + 1;
	assert_int_equal(decoded(p), PACKET_VERSION);
	p.version = 0;
	assert_int_equal(decoded(p), PACKET_VERSION);
	p = base(PACKET_TYPES_END);
	assert_int_equal(decoded(p), PACKET_TYPE);
	p.type = 0;
	assert_int_equal(decoded(p), PACKET_TYPE);
	p = base(PACKET_BYE);
	p.length = 1;
	assert_int_equal(decoded(p), PACKET_PAYLOAD);
	p = base(PACKET_ASK);
	p.length = 2;
	p.count = 17;
	assert_int_equal(decoded(p), PACKET_PAYLOAD);
	p.length = PACKET_BITMAP_BYTES_MAX + 1;
	p.count = PACKET_FRAGMENTS_MAX + 1;
	assert_int_equal(decoded(p), PACKET_PAYLOAD);
	/* A newer server's refusal is understood. */
	p = base(PACKET_REFUSED);
	p.length = REFUSAL_BYTES;
	p.version = 9;
	assert_int_equal(decoded(p), PACKET_OK);
	for (int wrong = 0; wrong < 10; wrong++) {
		p = fragment;
		p.total = 100;
		p.length = 48;
		p.count = 3;
		p.index = 1;
		p.offset = 48;
		if (wrong == 0) /* this one is right */
			assert_int_equal(decoded(p), PACKET_OK);
		if (wrong == 1)
			p.index = 3;
		if (wrong == 2)
			p.count = 0;
		if (wrong == 3)
			p.length = 0;
		if (wrong == 4)
			p.offset = 47;
		if (wrong == 5)
			p.offset = UINT32_MAX;
		if (wrong == 6)
			p.total = 95;
		if (wrong == 7)
			p.total = UINT32_MAX;
		if (wrong == 8)
			p.index = 0;
		if (wrong == 9)
			p.count = PACKET_FRAGMENTS_MAX + 1;
		if (wrong > 0)
			assert_int_equal(decoded(p), PACKET_FRAGMENT);
	}
	for (int e = 0; e < PACKET_ERRORS; e++)
		assert_true(strlen(packet_error_name((enum packet_error)e)) > 1);
	assert_string_equal(packet_error_name(PACKET_ERRORS), "unknown");
	assert_string_equal(packet_type_name(PACKET_BYE), "BYE");
	assert_string_equal(packet_type_name(PACKET_TYPES_END), "unknown");
}

static void
noise_is_no_packet(void **state)
{
	uint64_t words[20];
	struct packet p;

	(void)state;
	for (uint64_t round = 0; round < NOISE_ROUNDS; round++) {
		for (size_t i = 0; i < 20; i++)
			words[i] = mix64(round * 20 + i);
		/* Past the magic and the length, so that the rest is reached. */
		memcpy(words, "\x44\x53", 2);
		memcpy((uint8_t *)words + 4, "\0\0\0\x68", 4);
		assert_int_equal(
				packet_decode(&p, (uint8_t *)words, sizeof(words)), PACKET_CORRUPT);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(golden_bytes_are_written_and_read),
			cmocka_unit_test(every_flipped_bit_and_every_cut_is_found),
			cmocka_unit_test(each_reason_is_told),
			cmocka_unit_test(noise_is_no_packet),
	};

	return cmocka_run_group_tests_name("store_packet", tests, NULL, NULL);
}
