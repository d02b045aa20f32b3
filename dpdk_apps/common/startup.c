#include "startup.h"

#include <errno.h>
#include <string.h>

#include "lifecycle.h"

int
startup(const char *program, const struct option_reader *r, void *options, int argc, char **argv)
{
	if (lifecycle_begin(program) != 0) {
		complain("cannot install signal handlers: %s", strerror(errno));
		return EXIT_FAILED;
	}
	return options_read(r, options, argc, argv);
}
