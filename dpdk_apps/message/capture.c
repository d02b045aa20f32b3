#include "capture.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "atomic_file.h"
#include "lifecycle.h"
#include "options.h"
#include "record.h"

#define LINE_BYTES 16
#define MAX_PACKETS 10000

static const char *const ways[CAPTURE_WAYS] = {"tx", "rx"};

bool
option_dump(const char *name, const char *text, uint32_t *packets)
{
	return option_count32(name, text, 0, MAX_PACKETS, packets);
}

bool
capture_options_check(uint32_t packets, const char *name)
{
	if (packets == 0 || name != NULL)
		return true;
	complain("--dump without --capture: say what the files are to be called");
	return false;
}

int
capture_begin(struct capture *c, const char *name, uint32_t packets, enum pcap_link link)
{
	char path[512];

	*c = (struct capture){.left = {packets, packets}};
	if (packets == 0)
		return 0;
	(void)snprintf(path, sizeof(path), "%s.dump.txt", name);
	c->text = atomic_file_open(path);
	for (int way = 0; way < CAPTURE_WAYS && c->text != NULL; way++) {
		(void)snprintf(path, sizeof(path), "%s.%s.pcap", name, ways[way]);
		c->pcap[way] = pcap_file_open(path, link);
		if (c->pcap[way] == NULL)
			break;
	}
	if (c->text != NULL && c->pcap[CAPTURE_RX] != NULL)
		return 0;
	complain("cannot write %s: %s", path, strerror(errno));
	return -1;
}

int
capture_end(struct capture *c)
{
	int result = 0;

	for (int way = 0; way < CAPTURE_WAYS; way++)
		if (c->pcap[way] != NULL && pcap_file_close(c->pcap[way]) != 0)
			result = errno;
	if (c->text != NULL && atomic_file_close(c->text) != 0)
		result = errno;
	*c = (struct capture){0};
	if (result != 0)
		complain("cannot write the packets that were to be dumped: %s", strerror(result));
	return result == 0 ? 0 : -1;
}

FILE *
capture_add(struct capture *c, enum capture_way way, const uint8_t *bytes, uint32_t n)
{
	FILE *text = atomic_file_stream(c->text);
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	pcap_file_add(c->pcap[way], bytes, n,
			(uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
	(void)fprintf(text, "# %s, %u bytes\n", ways[way], n);
	c->left[way]--;
	return text;
}

void
capture_hexdump(FILE *to, const uint8_t *bytes, uint32_t n)
{
	for (uint32_t at = 0; at < n; at += LINE_BYTES) {
		(void)fprintf(to, "%08x:", at);
		for (uint32_t i = at; i < at + LINE_BYTES; i++)
			(void)(i < n ? fprintf(to, " %02x", bytes[i]) : fprintf(to, "   "));
		(void)fputs(" | ", to);
		for (uint32_t i = at; i < at + LINE_BYTES && i < n; i++)
			(void)fputc(isprint(bytes[i]) ? bytes[i] : '.', to);
		(void)fputc('\n', to);
	}
}

void
capture_records(struct capture *c, enum capture_way way, const uint8_t *bytes, size_t n)
{
	size_t at = 0;

	while (capture_wants(c, way) && at < n) {
		size_t length = 0;

		if (record_peek(bytes + at, n - at, &length) != 1 || length > n - at)
			return;
		capture_hexdump(capture_add(c, way, bytes + at, (uint32_t)length), bytes + at,
				(uint32_t)length);
		at += length;
	}
}
