#include "server_options.h"

#include <stdio.h>

#include "executor_options.h"
#include "hello.h"
#include "options.h"
#include "server.h"

#define CLIENTS 16
#define SLOTS 32
#define DELAY_US_MAX 1000000

enum server_option {
	SERVE = 1,
	BACKING,
	STATE,
	DURABILITY,
	CACHE,
	CLIENTS_MOST,
	SLOTS_MOST,
	IDLE,
	DELAY,
	STATS
};

const char *const server_service_names[] = {"echo", "store", NULL};

const struct option server_option_table[] = {
		{"help", no_argument, NULL, 'h'},
		{"serve", required_argument, NULL, SERVE},
		{"backing", required_argument, NULL, BACKING},
		{"state", required_argument, NULL, STATE},
		{"durability", required_argument, NULL, DURABILITY},
		{"cache", required_argument, NULL, CACHE},
		{"clients", required_argument, NULL, CLIENTS_MOST},
		{"slots", required_argument, NULL, SLOTS_MOST},
		{"idle", required_argument, NULL, IDLE},
		{"delay-us", required_argument, NULL, DELAY},
		{"stats", required_argument, NULL, STATS},
		{NULL, 0, NULL, 0},
};

void
server_options_help(void)
{
	(void)fputs("store_server: serves the store to clients until SIGINT or SIGTERM\n"
		    "  --serve echo|store  answers of a size that the request names, or files\n"
		    "  --backing DIR       folder that is served (store)\n"
		    "  --state FILE        what clients hold, outside of that folder: a server "
		    "that was\n"
		    "                      killed goes on from there (store)\n"
		    "  --durability memory|log|dsync\n"
		    "                      what an answer says about the data (store, log)\n"
		    "  --cache none|auto   what the clients' kernels may keep (store, none)\n"
		    "  --clients N         how many at once (16)\n"
		    "  --slots N           requests of each at once, a power of two (32)\n"
		    "  --idle spin|yield   what it does when nothing came, where it does not sleep "
		    "(spin)\n"
		    "  --delay-us D        busy-wait before each answer, to test the meter (0)\n"
		    "  --stats FILE        where the statistics go\n",
			stdout);
}

struct server_options
server_options_default(void)
{
	return (struct server_options){
			.executor = {.durability = DURABILITY_LOG, .cache = CACHE_NONE},
			.clients = CLIENTS,
			.slots = SLOTS,
			.idle = IDLE_SPIN,
	};
}

static bool
take_slots(const char *text, uint16_t *slots)
{
	if (!option_count16("--slots", text, 1, HELLO_SLOTS_MAX, slots))
		return false;
	if ((*slots & (*slots - 1)) == 0)
		return true;
	complain("--slots '%s': write a power of two", text);
	return false;
}

bool
server_options_take(void *options, int option, const char *text)
{
	struct server_options *o = options;
	int choice = 0;

	switch (option) {
	case SERVE:
		o->has_service = option_choice("--serve", text, server_service_names, &choice);
		o->service = (enum server_service)choice;
		return o->has_service;
	case BACKING:
		o->executor.backing = text;
		return true;
	case STATE:
		o->executor.state = text;
		return true;
	case DURABILITY:
		return option_durability("--durability", text, &o->executor.durability);
	case CACHE:
		return option_cache("--cache", text, &o->executor.cache);
	case CLIENTS_MOST:
		return option_count32("--clients", text, 1, RPC_SESSIONS_MAX, &o->clients);
	case SLOTS_MOST:
		return take_slots(text, &o->slots);
	case IDLE:
		return option_idle("--idle", text, &o->idle);
	case DELAY:
		return option_count("--delay-us", text, 0, DELAY_US_MAX, &o->delay_us);
	case STATS:
		o->stats = text;
		return true;
	default:
		return false;
	}
}

bool
server_options_complete(void *options)
{
	const struct server_options *o = options;

	return option_given(o->has_service, "--serve") &&
	       option_given(o->service == SERVE_ECHO || o->executor.backing != NULL, "--backing") &&
	       option_given(o->stats != NULL, "--stats");
}
