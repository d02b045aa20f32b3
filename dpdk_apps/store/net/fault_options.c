#include "fault_options.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "options.h"

#define CALIBRATE_MS 20
#define DELAY_US 500
#define DELAY_US_MAX 10000000
#define ITEM_BYTES 48

enum fault_option { SEED = FAULT_OPTION_FIRST, OUT, IN };

const struct option fault_option_table[] = {
		{"fault-seed", required_argument, NULL, SEED},
		{"fault-out", required_argument, NULL, OUT},
		{"fault-in", required_argument, NULL, IN},
		{NULL, 0, NULL, 0},
};

void
fault_help(void)
{
	(void)fputs("  --fault-out LIST    what befalls packets that are sent, as in\n"
		    "                      drop=0.1,duplicate=0.05,reorder=0.05,corrupt=0.01,\n"
		    "                      truncate@7,delay=0.1,delay-us=500: KIND=PROBABILITY, "
		    "KIND@N "
		    "(the\n"
		    "                      N-th packet), how long DELAY and REORDER hold back at "
		    "most\n"
		    "  --fault-in LIST     the same for packets that come\n"
		    "  --fault-seed N      from which the faults follow (1)\n",
			stdout);
}

struct fault_options
fault_options_default(void)
{
	return (struct fault_options){.seed = 1, .out.delay = DELAY_US, .in.delay = DELAY_US};
}

static bool
refuse(const char *name, const char *item)
{
	complain("%s '%s': write a list such as drop=0.1,truncate@7,delay=0.1,delay-us=500 of "
		 "drop, duplicate, reorder, delay, corrupt, truncate",
			name, item);
	return false;
}

/* One item of the list, which it cuts in two. */
static bool
take_item(const char *name, char *item, struct fault_plan *plan)
{
	char whole[ITEM_BYTES];
	size_t length = strcspn(item, "=@");
	char sign = item[length];
	const char *value = item + length + 1;

	(void)snprintf(whole, sizeof(whole), "%s", item);
	item[length] = '\0';
	if (sign == '\0')
		return refuse(name, whole);
	if (sign == '=' && strcmp(item, "delay-us") == 0)
		return option_count(name, value, 1, DELAY_US_MAX, &plan->delay);
	for (int kind = 0; kind < FAULT_KINDS; kind++) {
		if (strcmp(item, fault_kind_names[kind]) != 0)
			continue;
		return sign == '=' ? option_number(name, value, 0, 1, &plan->chance[kind])
				   : option_count(name, value, 1, UINT64_MAX, &plan->exactly[kind]);
	}
	return refuse(name, whole);
}

bool
fault_plan_parse(const char *name, const char *text, struct fault_plan *plan)
{
	const char *from = text;

	for (;;) {
		size_t length = strcspn(from, ",");
		char item[ITEM_BYTES];

		if (length == 0 || length >= sizeof(item))
			return refuse(name, text);
		memcpy(item, from, length);
		item[length] = '\0';
		if (!take_item(name, item, plan))
			return false;
		if (from[length] == '\0')
			return true;
		from += length + 1;
	}
}

bool
fault_take(struct fault_options *o, int option, const char *text)
{
	switch (option) {
	case SEED:
		return option_count("--fault-seed", text, 0, UINT64_MAX, &o->seed);
	case OUT:
		o->wanted = true;
		return fault_plan_parse("--fault-out", text, &o->out);
	case IN:
		o->wanted = true;
		return fault_plan_parse("--fault-in", text, &o->in);
	default:
		return false;
	}
}

static uint64_t
ticks_now(void *clock)
{
	(void)clock;
	return clock_ticks();
}

struct fault *
fault_options_open(const struct fault_options *o, struct carrier *under)
{
	double ticks_per_us = clock_calibrate(CALIBRATE_MS) * 1e-6;
	struct fault_config config = {
			.under = under,
			.ticks = ticks_now,
			.seed = o->seed,
			.out = o->out,
			.in = o->in,
	};

	config.out.delay = (uint64_t)((double)o->out.delay * ticks_per_us);
	config.in.delay = (uint64_t)((double)o->in.delay * ticks_per_us);
	return fault_create(&config);
}

static void
report_direction(struct stats *s, const char *key, const struct fault_counts *c)
{
	stats_object_begin(s, key);
	stats_count(s, "packets", c->packets);
	for (int kind = 0; kind < FAULT_KINDS; kind++)
		stats_count(s, fault_kind_names[kind], c->done[kind]);
	stats_count(s, "overflow", c->overflow);
	stats_object_end(s);
}

void
fault_report(const struct fault *f, struct stats *s)
{
	const struct fault_counts out = fault_counts_out(f);
	const struct fault_counts in = fault_counts_in(f);

	stats_object_begin(s, "faults");
	report_direction(s, "out", &out);
	report_direction(s, "in", &in);
	stats_object_end(s);
}
