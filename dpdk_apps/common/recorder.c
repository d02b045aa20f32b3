#define _GNU_SOURCE
#include "recorder.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "atomic_file.h"
#include "clock.h"

/* Values of `back` that are no tick. The counter does not show them within centuries of boot. */
#define BACK_PENDING 0u
#define BACK_LOST UINT64_MAX

#define NS_LOST UINT32_MAX
#define NS_LONGEST (UINT32_MAX - 1)
#define HEADER_BYTES 48
#define WRITE_CHUNK 16384

struct packet {
	uint64_t sent;
	uint64_t back;
};

struct recorder {
	struct packet *packets;
	uint64_t capacity;
	uint64_t next;	 /* packets sent, and the number of the next */
	uint64_t begin;	 /* the window is [begin, end) */
	uint64_t end;	 /* UINT64_MAX until the window ended */
	uint64_t opened; /* tick at which the window began */
	bool begun;
	struct recorder_counts counts; /* sent, lost and warmup follow from the rest */
};

/* Bytes that this machine can still give without killing anyone; "no limit" where it does not say.
 */
static uint64_t
memory_available(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	char line[128];
	uint64_t kib = UINT64_MAX / 1024;

	if (f == NULL)
		return UINT64_MAX;
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "MemAvailable: %" SCNu64, &kib) == 1)
			break;
	(void)fclose(f);
	return kib * 1024;
}

struct recorder *
recorder_create(uint64_t capacity)
{
	struct recorder *r;
	size_t bytes;
	int saved;

	if (capacity == 0) {
		errno = EINVAL;
		return NULL;
	}
	/* Overcommit would hand out what is not there, and the OOM killer would end the
	 * measurement. */
	if (capacity > SIZE_MAX / sizeof(struct packet) ||
			capacity * sizeof(struct packet) > memory_available()) {
		errno = ENOMEM;
		return NULL;
	}
	bytes = capacity * sizeof(struct packet);
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return NULL;
	r->capacity = capacity;
	r->end = UINT64_MAX;
	r->packets = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (r->packets == MAP_FAILED) {
		saved = errno;
		free(r);
		errno = saved;
		return NULL;
	}
	/* Advice before the first touch, which is why this is not MAP_POPULATE. It may be refused:
	 * pages of 4 KiB do. */
	(void)madvise(r->packets, bytes, MADV_HUGEPAGE);
	memset(r->packets, 0, bytes);
	return r;
}

void
recorder_destroy(struct recorder *r)
{
	if (r == NULL)
		return;
	(void)munmap(r->packets, r->capacity * sizeof(struct packet));
	free(r);
}

uint64_t
recorder_send(struct recorder *r, uint64_t tick)
{
	if (r->next >= r->capacity)
		return RECORDER_FULL;
	r->packets[r->next] = (struct packet){.sent = tick, .back = BACK_PENDING};
	return r->next++;
}

uint64_t
recorder_next(const struct recorder *r)
{
	return r->next < r->capacity ? r->next : RECORDER_FULL;
}

uint64_t
recorder_room(const struct recorder *r)
{
	return r->capacity - r->next;
}

void
recorder_unsend(struct recorder *r)
{
	if (r->next == 0)
		return;
	r->next--;
	if (r->begin > r->next)
		r->begin = r->next;
	if (r->end != UINT64_MAX && r->end > r->next)
		r->end = r->next;
}

static inline bool
in_window(const struct recorder *r, uint64_t seq)
{
	return r->begun && seq >= r->begin && seq < r->end;
}

enum recorder_verdict
recorder_return(struct recorder *r, uint64_t seq, uint64_t tick)
{
	struct packet *p;

	if (seq >= r->next) {
		r->counts.unknown++;
		return RECORDER_UNKNOWN;
	}
	p = &r->packets[seq];
	if (p->back == BACK_LOST) {
		r->counts.late++;
		return RECORDER_LATE;
	}
	if (p->back != BACK_PENDING) {
		r->counts.duplicates++;
		return RECORDER_DUPLICATE;
	}
	p->back = tick;
	if (in_window(r, seq))
		r->counts.returned++;
	return RECORDER_OK;
}

bool
recorder_pending(const struct recorder *r, uint64_t seq)
{
	return seq < r->next && r->packets[seq].back == BACK_PENDING;
}

bool
recorder_give_up(struct recorder *r, uint64_t seq)
{
	if (!recorder_pending(r, seq))
		return false;
	r->packets[seq].back = BACK_LOST;
	return true;
}

uint64_t
recorder_send_tick(const struct recorder *r, uint64_t seq)
{
	return r->packets[seq].sent;
}

void
recorder_window_begin(struct recorder *r)
{
	r->begun = true;
	r->begin = r->next;
	r->end = UINT64_MAX;
	r->opened = clock_ticks();
	r->counts.returned = 0;
}

void
recorder_window_end(struct recorder *r)
{
	if (r->begun && r->end == UINT64_MAX)
		r->end = r->next;
}

/* Packets of the window. */
static uint64_t
window_count(const struct recorder *r)
{
	if (!r->begun)
		return 0;
	return (r->end < r->next ? r->end : r->next) - r->begin;
}

struct recorder_counts
recorder_counts(const struct recorder *r)
{
	struct recorder_counts counts = r->counts;

	counts.sent = window_count(r);
	counts.lost = counts.sent - counts.returned;
	counts.warmup = r->next - counts.sent;
	return counts;
}

static uint64_t
ticks_to_ns(uint64_t ticks, double ticks_per_s)
{
	return (uint64_t)((double)ticks * 1e9 / ticks_per_s + 0.5);
}

static uint32_t
saturate(uint64_t value, uint32_t most)
{
	return value < most ? (uint32_t)value : most;
}

static void
store32(uint8_t *to, uint32_t value)
{
	value = htole32(value);
	memcpy(to, &value, sizeof(value));
}

static void
store64(uint8_t *to, uint64_t value)
{
	value = htole64(value);
	memcpy(to, &value, sizeof(value));
}

/* Tick that counts as the window's beginning: a packet of an open loop may have been meant to leave
 * a little earlier. */
static uint64_t
window_origin(const struct recorder *r)
{
	if (window_count(r) > 0 && r->packets[r->begin].sent < r->opened)
		return r->packets[r->begin].sent;
	return r->opened;
}

static bool
write_header(const struct recorder *r, FILE *f, double ticks_per_s)
{
	uint8_t header[HEADER_BYTES] = "DPLATENC";
	uint64_t count = window_count(r);
	uint64_t first = 0;
	uint64_t rate_bits;

	if (count > 0)
		first = ticks_to_ns(r->packets[r->begin].sent - window_origin(r), ticks_per_s);
	memcpy(&rate_bits, &ticks_per_s, sizeof(rate_bits));
	store32(header + 8, 1);
	store32(header + 12, 0);
	store64(header + 16, count);
	store64(header + 24, first);
	store64(header + 32, rate_bits);
	store64(header + 40, 0);
	return fwrite(header, sizeof(header), 1, f) == 1;
}

/*
 * Differences of times that were rounded first, not rounded differences: their sum stays exact,
 * however many there are. Send ticks do not fall, but a difference never wraps if one does.
 */
static bool
write_gaps(const struct recorder *r, FILE *f, double ticks_per_s)
{
	uint8_t chunk[WRITE_CHUNK];
	uint64_t origin = window_origin(r);
	uint64_t count = window_count(r);
	uint64_t before = 0;
	size_t used = 0;

	for (uint64_t i = 0; i < count; i++) {
		uint64_t sent = r->packets[r->begin + i].sent;
		uint64_t now = sent > origin ? ticks_to_ns(sent - origin, ticks_per_s) : 0;

		if (i == 0)
			before = now;
		store32(chunk + used, now > before ? saturate(now - before, UINT32_MAX) : 0);
		before = now > before ? now : before;
		used += 4;
		if (used == sizeof(chunk) || i + 1 == count) {
			if (fwrite(chunk, 1, used, f) != used)
				return false;
			used = 0;
		}
	}
	return true;
}

static bool
write_round_trips(const struct recorder *r, FILE *f, double ticks_per_s)
{
	uint8_t chunk[WRITE_CHUNK];
	uint64_t count = window_count(r);
	size_t used = 0;

	for (uint64_t i = 0; i < count; i++) {
		const struct packet *p = &r->packets[r->begin + i];
		uint32_t ns = NS_LOST;

		if (p->back != BACK_PENDING && p->back != BACK_LOST)
			ns = p->back > p->sent
					     ? saturate(ticks_to_ns(p->back - p->sent, ticks_per_s),
							       NS_LONGEST)
					     : 0;
		store32(chunk + used, ns);
		used += 4;
		if (used == sizeof(chunk) || i + 1 == count) {
			if (fwrite(chunk, 1, used, f) != used)
				return false;
			used = 0;
		}
	}
	return true;
}

int
recorder_write(const struct recorder *r, const char *path, double ticks_per_s)
{
	struct atomic_file *file;

	if (!(ticks_per_s > 0)) {
		errno = EINVAL;
		return -1;
	}
	file = atomic_file_open(path);
	if (file == NULL)
		return -1;
	errno = 0;
	if (!write_header(r, atomic_file_stream(file), ticks_per_s) ||
			!write_gaps(r, atomic_file_stream(file), ticks_per_s) ||
			!write_round_trips(r, atomic_file_stream(file), ticks_per_s))
		atomic_file_fail(file, errno);
	return atomic_file_close(file);
}
