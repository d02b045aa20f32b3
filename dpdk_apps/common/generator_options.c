#include "generator_options.h"

#include <stddef.h>

#include "message.h"
#include "options.h"

#define MAX_RATE 1e9
#define MAX_SECONDS 86400.0
/* 16 bytes each: 4 GiB. */
#define MAX_SAMPLES (1u << 28)
/* Closed loops do not know how many they will send: 64 MiB for some seconds at 1 M/s. */
#define CLOSED_LOOP_SAMPLES (1u << 22)

const char generator_help[] =
		"  --flows F           flows; message n goes over flow n mod F\n"
		"  --size S            bytes of a message\n"
		"  --depth K           closed loop with K messages outstanding\n"
		"  --rate R            open loop with R messages per second\n"
		"  --warmup SEC        sent before the window and not recorded\n"
		"  --window SEC        length of the measurement window\n"
		"  --idle spin|yield   what a poller does when nothing came (spin)\n"
		"  --tag N             number of the run, in every message (0)\n"
		"  --timeout-ms MS     after which a message counts as lost\n"
		"  --max-samples N     packets to keep, warm-up included (16 bytes each)\n"
		"  --samples FILE      where the samples go\n"
		"  --stats FILE        where the statistics go\n"
		"  --floor             measure this program alone, against an echo in itself\n"
		"  --linger            when all is written, print @done and stay until stopped\n";

void
generator_options_begin(struct generator_options *o, uint32_t timeout_ms)
{
	*o = (struct generator_options){
			.warmup_s = -1,
			.window_s = -1,
			.min_size = MESSAGE_MIN_BYTES,
			.idle = IDLE_SPIN,
			.timeout_ms = timeout_ms,
	};
}

bool
generator_option(struct generator_options *o, int option, const char *text, uint32_t max_size)
{
	uint64_t count = 0;
	bool right = true;

	switch (option) {
	case OPTION_FLOWS:
		right = option_count("--flows", text, 1, GENERATOR_MAX_FLOWS, &count);
		o->flows = (uint32_t)count;
		break;
	case OPTION_SIZE:
		right = option_count("--size", text, o->min_size, max_size, &count);
		o->size = (uint32_t)count;
		break;
	case OPTION_DEPTH:
		right = option_count("--depth", text, 1, GENERATOR_MAX_DEPTH, &count);
		o->depth = (uint32_t)count;
		break;
	case OPTION_RATE:
		right = option_number("--rate", text, 0.001, MAX_RATE, &o->rate);
		break;
	case OPTION_WARMUP:
		right = option_number("--warmup", text, 0, MAX_SECONDS, &o->warmup_s);
		break;
	case OPTION_WINDOW:
		right = option_number("--window", text, 0.001, MAX_SECONDS, &o->window_s);
		break;
	case OPTION_IDLE:
		right = option_idle("--idle", text, &o->idle);
		break;
	case OPTION_TAG:
		right = option_count("--tag", text, 0, UINT32_MAX, &count);
		o->tag = (uint32_t)count;
		break;
	case OPTION_TIMEOUT_MS:
		right = option_count("--timeout-ms", text, 1, 60000, &count);
		o->timeout_ms = (uint32_t)count;
		break;
	case OPTION_MAX_SAMPLES:
		right = option_count("--max-samples", text, 1, MAX_SAMPLES, &o->max_samples);
		break;
	case OPTION_FLOOR:
		o->floor = true;
		break;
	case OPTION_LINGER:
		o->linger = true;
		break;
	case OPTION_SAMPLES:
		o->samples = text;
		break;
	case OPTION_STATS:
		o->stats = text;
		break;
	default:
		right = false;
	}
	return right;
}

bool
measuring_options_check(const struct generator_options *o)
{
	return option_given(o->warmup_s >= 0, "--warmup") &&
	       option_given(o->window_s > 0, "--window") &&
	       option_given(o->samples != NULL, "--samples") &&
	       option_given(o->stats != NULL, "--stats");
}

bool
generator_options_check(struct generator_options *o)
{
	double wanted;

	if (!option_given(o->flows > 0, "--flows") || !option_given(o->size > 0, "--size") ||
			!option_given(o->depth > 0 || o->rate > 0, "--depth or --rate") ||
			!measuring_options_check(o))
		return false;
	if (o->depth > 0 && o->rate > 0) {
		complain("--depth (closed loop) and --rate (open loop) exclude each other: give "
			 "one");
		return false;
	}
	if (o->max_samples > 0)
		return true;
	if (o->depth > 0) {
		o->max_samples = CLOSED_LOOP_SAMPLES;
		return true;
	}
	wanted = o->rate * (o->warmup_s + o->window_s) + 1;
	if (wanted > MAX_SAMPLES) {
		complain("--rate %g for %g s is %.0f samples, at most %u can be kept: lower the "
			 "rate or the window",
				o->rate, o->warmup_s + o->window_s, wanted, MAX_SAMPLES);
		return false;
	}
	o->max_samples = (uint64_t)wanted + 1;
	return true;
}
