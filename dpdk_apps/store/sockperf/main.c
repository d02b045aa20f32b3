/*
 * sockperf over TCP as a process of a trial: its server, or its ping-pong, whose log becomes our
 * samples and statistics. The floor that the store's transport over TCP is compared with.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "lifecycle.h"
#include "listening.h"
#include "sockperf_options.h"
#include "sockperf_report.h"
#include "startup.h"

#define INSTALL "install the package sockperf"
#define LISTENING_TURNS 2000
#define TURN_US 5000
#define WORDS_MAX 24

/* What both ends have in common; `words` has room. Returns how many there are. */
static size_t
common_words(const struct sockperf_arguments *a, const char *port, const char *words[])
{
	size_t n = 0;

	words[n++] = "sockperf";
	words[n++] = sockperf_role_names[a->role];
	words[n++] = "--tcp";
	words[n++] = "-i";
	words[n++] = a->address;
	words[n++] = "-p";
	words[n++] = port;
	if (a->mode == TCP_POLL)
		words[n++] = "--nonblocked";
	return n;
}

static pid_t
start(const char *words[])
{
	return child_start((char *const *)words, INSTALL);
}

/* Until somebody listens on the server's port; -1 after one clear line. */
static int
wait_listening(pid_t server, uint16_t port)
{
	for (int turn = 0; turn < LISTENING_TURNS && !lifecycle_stopping(); turn++) {
		if (child_ended(server)) {
			complain("sockperf ended before it listened");
			return -1;
		}
		if (listening(port))
			return 0;
		(void)usleep(TURN_US);
	}
	if (!lifecycle_stopping())
		complain("sockperf does not listen on port %u", port);
	return -1;
}

static int
serve(const struct sockperf_arguments *a)
{
	const char *words[WORDS_MAX] = {0};
	char port[8];
	pid_t server;
	int code;

	(void)snprintf(port, sizeof(port), "%u", a->port);
	(void)common_words(a, port, words);
	if (listening(a->port)) {
		complain("somebody listens on port %s already", port);
		return EXIT_FAILED;
	}
	server = start(words);
	if (server < 0)
		return EXIT_FAILED;
	if (wait_listening(server, a->port) != 0) {
		(void)kill(server, SIGINT);
		(void)child_wait(server, "sockperf");
		return EXIT_FAILED;
	}
	lifecycle_ready("port=%s", port);
	code = child_wait(server, "sockperf");
	if (!lifecycle_stopping()) {
		complain("sockperf ended by itself, with code %d", code);
		return EXIT_FAILED;
	}
	return sockperf_report_server(a);
}

static int
ping(const struct sockperf_arguments *a)
{
	const char *words[WORDS_MAX] = {0};
	char port[8], size[12], seconds[16], log[4096];
	size_t n;
	pid_t child;
	int code;

	if (snprintf(log, sizeof(log), "%s.log", a->measure.samples) >= (int)sizeof(log)) {
		complain("--samples: the path is too long");
		return EXIT_FAILED;
	}
	(void)snprintf(port, sizeof(port), "%u", a->port);
	(void)snprintf(size, sizeof(size), "%" PRIu32, a->size);
	(void)snprintf(seconds, sizeof(seconds), "%" PRIu32, sockperf_seconds(a));
	n = common_words(a, port, words);
	words[n++] = "--full-rtt";
	words[n++] = "-m";
	words[n++] = size;
	words[n++] = "-t";
	words[n++] = seconds;
	words[n++] = "--full-log";
	words[n] = log;
	child = start(words);
	if (child < 0)
		return EXIT_FAILED;
	lifecycle_ready("seconds=%s", seconds);
	code = child_wait(child, "sockperf");
	if (lifecycle_stopping() || code != 0) {
		if (!lifecycle_stopping())
			complain("sockperf ended with code %d", code);
		(void)unlink(log);
		return EXIT_FAILED;
	}
	code = sockperf_report_log(a, log);
	(void)unlink(log); /* its numbers are in the samples */
	if (code == EXIT_DONE && a->measure.linger)
		lifecycle_linger();
	return code;
}

int
main(int argc, char *argv[])
{
	struct sockperf_arguments a = sockperf_defaults();
	int code = startup(SOCKPERF_NAME, &sockperf_options, &a, argc, argv);

	if (code >= 0)
		return code;
	return a.role == SOCKPERF_SERVER ? serve(&a) : ping(&a);
}
