#include "fio_said.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lifecycle.h"

#define MESSAGE "fio: "

static void
take_line(const char *line, struct fio_said *said)
{
	/* The first one stands behind the brace that begins the JSON. */
	const char *message = strstr(line, MESSAGE);
	uint64_t errors;

	if (message == line || (message == line + 1 && line[0] == '{')) {
		message += strlen(MESSAGE);
		(void)snprintf(said->complaint, sizeof(said->complaint), "%.*s",
				(int)strcspn(message, "\n"), message);
	} else if (sscanf(line, " \"total_err\" : %" SCNu64, &errors) == 1) {
		said->errors = errors;
	}
}

int
fio_said_read(const char *path, struct fio_said *said)
{
	FILE *file = fopen(path, "re");
	char line[1024];
	int failed;

	*said = (struct fio_said){0};
	if (file == NULL) {
		complain("fio left no %s: %s", path, strerror(errno));
		return -1;
	}
	while (fgets(line, sizeof(line), file) != NULL)
		take_line(line, said);
	failed = ferror(file);
	if (fclose(file) == 0 && failed == 0)
		return 0;
	complain("cannot read %s", path);
	return -1;
}
