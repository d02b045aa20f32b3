#include "sockperf_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lifecycle.h"

#define LINE_BYTES_MIN 20 /* "0, 1.000000001, 1.000000002, 0.001" is longer */
#define HEADING "packet, txTime"
#define DROPPED "# dropped messages = "

/* "S.NNNNNNNNN" in nanoseconds; false where it is none. */
static bool
read_time(const char *text, uint64_t *ns)
{
	uint64_t seconds = 0;
	unsigned int fraction = 0;
	int digits = 0, end = 0;

	if (sscanf(text, "%" SCNu64 ".%n%9u%n", &seconds, &digits, &fraction, &end) != 2 ||
			end - digits != 9)
		return false;
	*ns = seconds * 1000000000 + fraction;
	return true;
}

static bool
read_line(const char *line, uint64_t *tx, uint64_t *rx)
{
	char sent[32], came[32];

	return sscanf(line, "%*u, %31[0-9.], %31[0-9.],", sent, came) == 2 && read_time(sent, tx) &&
	       read_time(came, rx);
}

/* The messages, which stand behind the heading. How many there were. */
static uint64_t
read_messages(FILE *file, uint64_t skip_ns, uint64_t window_ns, struct sockperf_log *log)
{
	struct recorder *r = log->recorder;
	uint64_t count = 0, begin = 0, last = 0, tx = 0, rx = 0;
	char line[256];

	while (fgets(line, sizeof(line), file) != NULL && read_line(line, &tx, &rx)) {
		if (count++ == 0)
			begin = tx + skip_ns;
		if (tx >= begin + window_ns)
			break;
		if (tx >= begin && last == 0)
			recorder_window_begin(r);
		if (tx >= begin)
			last = rx;
		(void)recorder_return(r, recorder_send(r, tx), rx);
	}
	recorder_window_end(r);
	if (last > begin)
		log->window_s = (double)(last - begin) / FOREIGN_TICKS_PER_S;
	return count;
}

/* The heading of the messages, and what stands before it. */
static int
read_file(FILE *file, uint64_t skip_ns, uint64_t window_ns, struct sockperf_log *log)
{
	char line[256];
	long size;

	if (fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0)
		return -1;
	rewind(file);
	log->recorder = recorder_create((uint64_t)size / LINE_BYTES_MIN + 1);
	if (log->recorder == NULL)
		return -1;
	while (fgets(line, sizeof(line), file) != NULL) {
		const char *dropped = strstr(line, DROPPED);

		if (dropped != NULL)
			(void)sscanf(dropped + strlen(DROPPED), "%" SCNu64, &log->dropped);
		if (strncmp(line, HEADING, strlen(HEADING)) == 0)
			break;
	}
	if (read_messages(file, skip_ns, window_ns, log) > 0)
		return 0;
	errno = EBADMSG;
	return -1;
}

int
sockperf_log_read(const char *path, double skip_s, double window_s, struct sockperf_log *log)
{
	FILE *file = fopen(path, "re");
	int result;

	*log = (struct sockperf_log){.recorder = NULL};
	if (file == NULL) {
		complain("sockperf left no log %s: %s", path, strerror(errno));
		return -1;
	}
	result = read_file(file, (uint64_t)(skip_s * FOREIGN_TICKS_PER_S),
			(uint64_t)(window_s * FOREIGN_TICKS_PER_S), log);
	if (result != 0 && errno == EBADMSG)
		complain("sockperf measured nothing: %s has no messages; is its server there?",
				path);
	else if (result != 0)
		complain("cannot read sockperf's log %s: %s", path, strerror(errno));
	(void)fclose(file);
	return result;
}
