#include "epoch.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "lifecycle.h"

int
epoch_draw(uint64_t *epoch)
{
	do {
		if (getrandom(epoch, sizeof(*epoch), 0) == (ssize_t)sizeof(*epoch))
			continue;
		complain("cannot draw an epoch: %s", strerror(errno));
		return -1;
	} while (*epoch == 0);
	return 0;
}
