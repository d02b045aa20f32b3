/* How command lines name what an executor is told. */
#ifndef STORE_EXECUTOR_OPTIONS_H
#define STORE_EXECUTOR_OPTIONS_H

#include <stdbool.h>

#include "executor.h"

/* "memory", "log" or "dsync". False after a message, as the other options of options.h. */
bool option_durability(const char *name, const char *text, enum durability *durability);

/* "none" or "auto". */
bool option_cache(const char *name, const char *text, enum cache *cache);

#endif
