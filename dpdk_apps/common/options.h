/*
 * Values of command-line options. Each function returns false after one clear
 * line on stderr that names the option, what was given and what to write.
 */
#ifndef COMMON_OPTIONS_H
#define COMMON_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "lifecycle.h"

/* A whole number from `low` to `high`; decimal, or hexadecimal with 0x. */
bool option_count(const char *name, const char *text, uint64_t low, uint64_t high, uint64_t *value);

/* The same for smaller types; `high` must fit. */
bool option_count16(
		const char *name, const char *text, uint16_t low, uint16_t high, uint16_t *value);
bool option_count32(
		const char *name, const char *text, uint32_t low, uint32_t high, uint32_t *value);

/* A finite number from `low` to `high`. */
bool option_number(const char *name, const char *text, double low, double high, double *value);

/* The index of `text` in `choices`, which ends with NULL. */
bool option_choice(const char *name, const char *text, const char *const choices[], int *index);

/* "spin" or "yield". */
bool option_idle(const char *name, const char *text, enum idle_policy *policy);

/* `is`; false after a message that the option `name` is missing. */
bool option_given(bool is, const char *name);

#endif
