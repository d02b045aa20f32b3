#include "lifecycle.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A signal handler reaches nothing but statics. */
static volatile sig_atomic_t stopping;
static int stop_fd = -1;
static const char *program_name = "program";

static void
ask_to_stop(void)
{
	uint64_t one = 1;

	stopping = 1;
	/* The counter of an eventfd takes 2^64-2 of these: a failed write means that it is readable
	 * already. */
	if (stop_fd >= 0 && write(stop_fd, &one, sizeof(one)) < 0)
		return;
}

static void
on_signal(int number)
{
	int saved = errno;

	(void)number;
	ask_to_stop();
	errno = saved;
}

int
lifecycle_begin(const char *program)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	program_name = program;
	stopping = 0;
	if (stop_fd < 0)
		stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (stop_fd < 0)
		return -1;
	/* Without SA_RESTART: a blocking call returns, and its loop looks at lifecycle_stopping().
	 */
	if (sigaction(SIGINT, &action, NULL) != 0 || sigaction(SIGTERM, &action, NULL) != 0)
		return -1;
	/* A closed peer or a reader of stdout that went away is an error of that write, not our
	 * end. */
	return sigaction(SIGPIPE, &ignore, NULL);
}

bool
lifecycle_stopping(void)
{
	return stopping != 0;
}

int
lifecycle_stop_fd(void)
{
	return stop_fd;
}

void
lifecycle_stop(void)
{
	ask_to_stop();
}

void
lifecycle_ready(const char *format, ...)
{
	char rest[512];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(rest, sizeof(rest), format, args);
	va_end(args);
	printf("@ready%s%s\n", rest[0] != '\0' ? " " : "", rest);
	if (fflush(stdout) != 0)
		complain("cannot write to stdout: %s", strerror(errno));
}

void
lifecycle_linger(void)
{
	struct pollfd stop = {.fd = stop_fd, .events = POLLIN};

	printf("@done\n");
	if (fflush(stdout) != 0)
		complain("cannot write to stdout: %s", strerror(errno));
	while (!lifecycle_stopping() && (poll(&stop, 1, -1) >= 0 || errno == EINTR))
		continue;
}

void
complain(const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* One call, so that lines of several processes on one stderr do not mix. */
	(void)fprintf(stderr, "%s: %s\n", program_name, text);
}

bool
idle_parse(const char *text, enum idle_policy *policy)
{
	if (strcmp(text, "spin") == 0)
		*policy = IDLE_SPIN;
	else if (strcmp(text, "yield") == 0)
		*policy = IDLE_YIELD;
	else
		return false;
	return true;
}

void
idle_wait(enum idle_policy policy)
{
	if (policy == IDLE_YIELD) {
		(void)sched_yield();
		return;
	}
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}
