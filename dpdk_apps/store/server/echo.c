#include "echo.h"

#include <string.h>

#include "wire.h"

size_t
echo_run(void *self, uint64_t client, const uint8_t *in, size_t n, uint8_t *out, size_t room)
{
	size_t bytes;
	size_t filled;

	(void)self;
	(void)client;
	if (n < ECHO_REQUEST_BYTES)
		return 0;
	bytes = wire_get_le32(in);
	if (bytes > room)
		return 0;
	for (filled = 0; filled < bytes; filled += n)
		memcpy(out + filled, in, bytes - filled < n ? bytes - filled : n);
	if (bytes >= ECHO_NUMBER_BYTES)
		memcpy(out, in + 4, ECHO_NUMBER_BYTES);
	else
		memcpy(out, in + 4, bytes);
	return bytes;
}
