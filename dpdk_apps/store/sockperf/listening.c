#include "listening.h"

#include <inttypes.h>
#include <stdio.h>

#define LISTEN 0x0A /* proc(5), /proc/net/tcp: the state */

bool
listening(uint16_t port)
{
	FILE *file = fopen("/proc/net/tcp", "re");
	char line[256];
	bool found = false;

	if (file == NULL)
		return false;
	while (!found && fgets(line, sizeof(line), file) != NULL) {
		unsigned int local = 0, state = 0;

		if (sscanf(line, " %*u: %*x:%x %*x:%*x %x", &local, &state) == 2)
			found = local == port && state == LISTEN;
	}
	(void)fclose(file);
	return found;
}
