/*
 * A store mounted through /dev/fuse: the client's relay, in front of a server. It knows no
 * transport: it is linked with each.
 */
#include <stdio.h>

#include "clock.h"
#include "hello.h"
#include "mount_report.h"
#include "options.h"
#include "relay.h"
#include "request_check.h"
#include "rpc_answerer.h"

#define CALIBRATE_MS 20
#define DEADLINE_MS 5000
#define DEADLINE_MS_MOST 600000
#define SLOTS 32

enum mount_option { MOUNT = 1, DEADLINE, SLOTS_MOST, IDLE, STATS };

static const struct option table[] = {
		{"help", no_argument, NULL, 'h'},
		{"mount", required_argument, NULL, MOUNT},
		{"deadline-ms", required_argument, NULL, DEADLINE},
		{"slots", required_argument, NULL, SLOTS_MOST},
		{"idle", required_argument, NULL, IDLE},
		{"stats", required_argument, NULL, STATS},
		{NULL, 0, NULL, 0},
};

static void
print_help(void)
{
	(void)fputs("store_mount: mounts a store that a server keeps, until SIGINT or SIGTERM\n"
		    "  --mount DIR         folder that it is mounted at\n"
		    "  --deadline-ms N     after which a request fails for want of an answer "
		    "(5000)\n"
		    "  --slots N           requests at once: a power of two (32)\n"
		    "  --idle spin|yield   what to do while an answer is waited for, where the "
		    "transport\n"
		    "                      cannot sleep (spin)\n"
		    "  --stats FILE        statistics, written at the end\n",
			stdout);
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

static bool
take(void *options, int option, const char *text)
{
	struct mount_arguments *a = options;

	switch (option) {
	case MOUNT:
		a->mount = text;
		return true;
	case DEADLINE:
		return option_count("--deadline-ms", text, 1, DEADLINE_MS_MOST, &a->deadline_ms);
	case SLOTS_MOST:
		return take_slots(text, &a->slots);
	case IDLE:
		return option_idle("--idle", text, &a->idle);
	case STATS:
		a->stats = text;
		return true;
	default:
		return false;
	}
}

static bool
complete(void *options)
{
	const struct mount_arguments *a = options;

	return option_given(a->mount != NULL, "--mount") &&
	       option_given(a->stats != NULL, "--stats");
}

/* Between a server that has agreed and the kernel. 0, or -1 after one clear line. */
static int
relay(const struct mount_arguments *a, struct transport *t, struct rpc_answerer *server,
		uint64_t ticks_per_s)
{
	const struct relay_config config = {
			.answerer = rpc_answerer_base(server),
			.ticks_per_s = ticks_per_s,
			.deadline = a->deadline_ms * (ticks_per_s / 1000),
			.value_max = REQUEST_BYTES_MAX,
			.requests = a->slots,
			.idle = a->idle,
	};
	struct relay *r = relay_create(&config);
	char ready[32];
	int result = -1;

	(void)snprintf(ready, sizeof(ready), "slots=%u",
			rpc_client_agreed(rpc_answerer_client(server)).slots);
	if (r != NULL) {
		result = relay_mount(r, a->mount, ready);
		/* The file system is gone: nobody hears of what is out. */
		rpc_answerer_leave(server);
		if (mount_report(a, r, server, t, ticks_per_s) != 0)
			result = -1;
	}
	relay_destroy(r);
	return result;
}

static int
run(void *self, struct transport *t)
{
	const struct mount_arguments *a = self;
	uint64_t ticks_per_s = (uint64_t)clock_calibrate(CALIBRATE_MS);
	struct rpc_answerer *server = rpc_answerer_create(t, a->slots, REQUEST_BYTES_MAX,
			a->deadline_ms * (ticks_per_s / 1000), ticks_per_s);
	int result = -1;

	if (server != NULL && rpc_answerer_join(server) == 0)
		result = relay(a, t, server, ticks_per_s);
	rpc_answerer_destroy(server);
	return result == 0 ? EXIT_DONE : EXIT_FAILED;
}

int
main(int argc, char *argv[])
{
	struct mount_arguments a = {.deadline_ms = DEADLINE_MS, .slots = SLOTS};
	const struct store_program program = {
			.name = "store_mount",
			.end = TRANSPORT_CLIENT,
			.table = table,
			.help = print_help,
			.take = take,
			.complete = complete,
			.options = &a,
			.run = run,
			.self = &a,
	};

	return store_program_main(&program, argc, argv);
}
