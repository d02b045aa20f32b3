#include "port_options.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "lifecycle.h"
#include "options.h"

#define MIN_DESCRIPTORS 32
#define MAX_DESCRIPTORS 32768

bool
port_mask_read(const char *name, const char *text, uint64_t *mask)
{
	char *end = NULL;

	errno = 0;
	*mask = isxdigit((unsigned char)text[0]) ? strtoull(text, &end, 16) : 0;
	if (end != NULL && *end == '\0' && errno == 0 && *mask > 0 && *mask <= UINT32_MAX)
		return true;
	complain("%s '%s': write the ports as a hexadecimal mask, such as 3 for ports 0 and 1",
			name, text);
	return false;
}

bool
option_descriptors(const char *name, const char *text, uint16_t *count)
{
	return option_count16(name, text, MIN_DESCRIPTORS, MAX_DESCRIPTORS, count);
}
