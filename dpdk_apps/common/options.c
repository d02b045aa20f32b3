#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lifecycle.h"

bool
option_count(const char *name, const char *text, uint64_t low, uint64_t high, uint64_t *value)
{
	char *end = NULL;
	int base = strncmp(text, "0x", 2) == 0 || strncmp(text, "0X", 2) == 0 ? 16 : 10;
	unsigned long long read;

	errno = 0;
	/* strtoull() takes a minus sign and leading spaces: we do not. */
	if (isxdigit((unsigned char)text[0])) {
		read = strtoull(text, &end, base);
		if (errno == 0 && *end == '\0' && read >= low && read <= high) {
			*value = read;
			return true;
		}
	}
	complain("%s '%s': write a whole number from %" PRIu64 " to %" PRIu64, name, text, low,
			high);
	return false;
}

bool
option_count16(const char *name, const char *text, uint16_t low, uint16_t high, uint16_t *value)
{
	uint64_t count;

	if (!option_count(name, text, low, high, &count))
		return false;
	*value = (uint16_t)count;
	return true;
}

bool
option_count32(const char *name, const char *text, uint32_t low, uint32_t high, uint32_t *value)
{
	uint64_t count;

	if (!option_count(name, text, low, high, &count))
		return false;
	*value = (uint32_t)count;
	return true;
}

bool
option_number(const char *name, const char *text, double low, double high, double *value)
{
	char *end = NULL;
	double read;

	errno = 0;
	if (isdigit((unsigned char)text[0]) || text[0] == '.' || text[0] == '-') {
		read = strtod(text, &end);
		if (errno == 0 && end != text && *end == '\0' && isfinite(read) && read >= low &&
				read <= high) {
			*value = read;
			return true;
		}
	}
	complain("%s '%s': write a number from %g to %g", name, text, low, high);
	return false;
}

bool
option_choice(const char *name, const char *text, const char *const choices[], int *index)
{
	char list[256] = "";
	size_t used = 0;

	for (int i = 0; choices[i] != NULL; i++) {
		if (strcmp(text, choices[i]) == 0) {
			*index = i;
			return true;
		}
		if (used < sizeof(list))
			used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s",
					i > 0 ? " or " : "", choices[i]);
	}
	complain("%s '%s': write %s", name, text, list);
	return false;
}

bool
option_idle(const char *name, const char *text, enum idle_policy *policy)
{
	if (idle_parse(text, policy))
		return true;
	complain("%s '%s': write spin or yield", name, text);
	return false;
}

bool
option_given(bool is, const char *name)
{
	if (!is)
		complain("%s is missing; --help lists the options", name);
	return is;
}
