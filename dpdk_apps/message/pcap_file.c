#include "pcap_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "atomic_file.h"

#define MAGIC_NANOSECONDS 0xa1b23c4du
#define MAJOR 2
#define MINOR 4
#define SNAP_LENGTH 65535
#define NS_PER_S 1000000000u

struct file_header {
	uint32_t magic;
	uint16_t major;
	uint16_t minor;
	uint32_t reserved[2];
	uint32_t snap_length;
	uint32_t link;
};

struct packet_header {
	uint32_t seconds;
	uint32_t nanoseconds;
	uint32_t captured;
	uint32_t original;
};

_Static_assert(sizeof(struct file_header) == 24, "no padding");
_Static_assert(sizeof(struct packet_header) == 16, "no padding");

struct pcap_file {
	struct atomic_file *file;
};

static void
put(struct pcap_file *f, const void *bytes, size_t n)
{
	if (n > 0 && fwrite(bytes, n, 1, atomic_file_stream(f->file)) != 1)
		atomic_file_fail(f->file, errno);
}

struct pcap_file *
pcap_file_open(const char *path, enum pcap_link link)
{
	struct pcap_file *f = calloc(1, sizeof(*f));
	struct file_header header = {
			.magic = MAGIC_NANOSECONDS,
			.major = MAJOR,
			.minor = MINOR,
			.snap_length = SNAP_LENGTH,
			.link = link,
	};

	if (f == NULL)
		return NULL;
	f->file = atomic_file_open(path);
	if (f->file == NULL) {
		int saved = errno;

		free(f);
		errno = saved;
		return NULL;
	}
	put(f, &header, sizeof(header));
	return f;
}

void
pcap_file_add(struct pcap_file *f, const uint8_t *bytes, uint32_t n, uint64_t ns)
{
	struct packet_header header = {
			.seconds = (uint32_t)(ns / NS_PER_S),
			.nanoseconds = (uint32_t)(ns % NS_PER_S),
			.captured = n < SNAP_LENGTH ? n : SNAP_LENGTH,
			.original = n,
	};

	put(f, &header, sizeof(header));
	put(f, bytes, header.captured);
}

int
pcap_file_close(struct pcap_file *f)
{
	int result = atomic_file_close(f->file);
	int saved = errno;

	free(f);
	errno = saved;
	return result;
}
