#include "loop_shape.h"

#include <time.h>

#include "options.h"

#define MAX_SLEEP_US 10000000

static const char *const names[] = {"poll", "naive", NULL};

bool
option_loop(const char *name, const char *text, struct loop_shape *shape)
{
	int index = 0;

	if (!option_choice(name, text, names, &index))
		return false;
	shape->naive = index == 1;
	return true;
}

bool
option_sleep(const char *name, const char *text, struct loop_shape *shape)
{
	uint64_t us = 0;

	if (!option_count(name, text, 0, MAX_SLEEP_US, &us))
		return false;
	shape->sleep_us = (uint32_t)us;
	return true;
}

const char *
loop_shape_name(const struct loop_shape *shape)
{
	return names[shape->naive];
}

void
loop_sleep(uint32_t us)
{
	struct timespec time = {.tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000};

	/* A signal cuts it short: the loop looks whether it was a stop. */
	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}
