#include "fio_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lifecycle.h"

#define LINE_BYTES_MIN 13 /* "0, 1, 0, 64, 0" and its end are longer */
#define NS_PER_MS 1000000u
#define NS_PER_S 1e9

static bool
read_line(const char *line, uint64_t *end_ns, uint64_t *took_ns)
{
	uint64_t ms = 0;
	int whole = 0;

	if (sscanf(line, "%" SCNu64 ", %" SCNu64 ", %*u, %*u%n", &ms, took_ns, &whole) != 2 ||
			whole == 0)
		return false;
	*end_ns = ms * NS_PER_MS;
	return true;
}

/* 0; -1: a line makes no sense, which is told. */
static int
read_lines(FILE *file, const char *path, uint64_t errors, struct fio_log *log)
{
	struct recorder *r = log->recorder;
	uint64_t number = 0, begin = 0, end = 0, last = 0, took = 0;
	char line[256];

	recorder_window_begin(r);
	while (fgets(line, sizeof(line), file) != NULL) {
		number++;
		if (!read_line(line, &end, &took)) {
			complain("%s, line %" PRIu64 ": no latency of fio's", path, number);
			return -1;
		}
		/* No operation begins before the one that is written before it did. */
		if (end > took && end - took > begin)
			begin = end - took;
		(void)recorder_return(r, recorder_send(r, begin), begin + took);
		last = end > last ? end : last;
	}
	for (uint64_t i = 0; i < errors; i++)
		(void)recorder_send(r, begin);
	recorder_window_end(r);
	if (number == 0) {
		complain("fio measured nothing: %s is empty, %" PRIu64 " operations failed", path,
				errors);
		return -1;
	}
	log->window_s = (double)last / NS_PER_S;
	return 0;
}

int
fio_log_read(const char *path, uint64_t errors, struct fio_log *log)
{
	FILE *file = fopen(path, "re");
	int result = -1;
	long size;

	*log = (struct fio_log){.recorder = NULL};
	if (file == NULL) {
		complain("fio left no log %s: %s", path, strerror(errno));
		return -1;
	}
	if (fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0) {
		rewind(file);
		log->recorder = recorder_create((uint64_t)size / LINE_BYTES_MIN + 1 + errors);
	}
	if (log->recorder != NULL)
		result = read_lines(file, path, errors, log);
	else
		complain("cannot read fio's log %s: %s", path, strerror(errno));
	(void)fclose(file);
	return result;
}
