#include "executor_options.h"

#include <stddef.h>

#include "options.h"

const char *const durability_names[] = {"memory", "log", "dsync", NULL};
const char *const cache_names[] = {"none", "auto", NULL};

bool
option_durability(const char *name, const char *text, enum durability *durability)
{
	int choice = 0;

	if (!option_choice(name, text, durability_names, &choice))
		return false;
	*durability = (enum durability)choice;
	return true;
}

bool
option_cache(const char *name, const char *text, enum cache *cache)
{
	int choice = 0;

	if (!option_choice(name, text, cache_names, &choice))
		return false;
	*cache = (enum cache)choice;
	return true;
}
