#include "recorder_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "atomic_file.h"
#include "wire.h"

#define NS_LOST UINT32_MAX
#define NS_LONGEST (UINT32_MAX - 1)
#define HEADER_BYTES 48
#define WRITE_CHUNK 16384

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
	wire_put_le32(header + 8, 1);
	wire_put_le32(header + 12, 0);
	wire_put_le64(header + 16, count);
	wire_put_le64(header + 24, first);
	wire_put_le64(header + 32, rate_bits);
	wire_put_le64(header + 40, 0);
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
		wire_put_le32(chunk + used, now > before ? saturate(now - before, UINT32_MAX) : 0);
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
		wire_put_le32(chunk + used, ns);
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
