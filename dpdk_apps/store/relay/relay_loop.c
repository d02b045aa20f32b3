#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "mounting.h"
#include "relay_internal.h"

/* How long applications that still use the mount are served once it was asked to end. */
#define LEAVE_MS 3000
/* An answer that takes longer than this is not spun for any more, but looked for every so often. */
#define SPIN_MS 10
#define SLOW_NS 100000
/* How often one looks for a server that is away. */
#define AWAY_NS 50000000
/* How often one looks whether the time to leave is over. */
#define LEAVING_NS 5000000
#define LONGEST_NS UINT64_C(3600000000000)

static uint64_t
ms(const struct relay *r, uint64_t n)
{
	return r->config.ticks_per_s / 1000 * n;
}

static uint64_t
earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* How long nothing has to be done unless something comes; 0: something is due. */
static uint64_t
quiet_ns(const struct relay *r)
{
	const struct answerer *a = r->config.answerer;
	uint64_t until = earlier(r->due, r->deadline_due), ns = LONGEST_NS;

	if (r->locks.count > 0)
		until = earlier(until, r->locks_due);
	if (until <= r->now)
		return 0;
	if ((until - r->now) / r->config.ticks_per_s < LONGEST_NS / 1000000000)
		ns = (uint64_t)((double)(until - r->now) * 1e9 / (double)r->config.ticks_per_s);
	if (a->state == ANSWERER_AWAY)
		return earlier(ns, AWAY_NS);
	return a->out > 0 && a->calls->wait == NULL && a->calls->rest == NULL ? earlier(ns, SLOW_NS)
									      : ns;
}

/* Sleeps until there is a request or a signal, at most for so long. 0, or -1 after one line. */
static int
sleep_in_kernel(int fuse, int stop, uint64_t ns)
{
	struct pollfd wanted[2] = {{.fd = fuse, .events = POLLIN}, {.fd = stop, .events = POLLIN}};
	const struct timespec most = {
			.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};

	if (ppoll(wanted, 2, &most, NULL) < 0 && errno != EINTR) {
		complain("cannot wait for requests: %s", strerror(errno));
		return -1;
	}
	return 0;
}

/* What there is to do between turns: to spin for an answer that is expected, or to sleep. */
static void
rest(struct relay *r, bool serving)
{
	struct answerer *a = r->config.answerer;
	/* Where there is no room for it, a request is no reason to wake up. */
	int fuse = r->requests.free_count > 0 ? r->fuse : -1;
	uint64_t ns;

	if (a->out > 0 && a->calls->wait == NULL && a->state == ANSWERER_OPEN &&
			r->now - r->news < ms(r, SPIN_MS)) {
		idle_wait(r->config.idle);
		return;
	}
	ns = quiet_ns(r);
	if (ns == 0)
		return;
	if (!serving)
		ns = earlier(ns, LEAVING_NS);
	if (a->calls->wait != NULL)
		a->calls->wait(a, fuse, ns);
	else if (a->calls->rest != NULL)
		a->calls->rest(a, fuse, ns);
	else if (sleep_in_kernel(fuse, serving ? lifecycle_stop_fd() : -1, ns) != 0)
		r->state = RELAY_FAILED;
	r->look_due = 0;
}

static void
turn_and_rest(struct relay *r, bool serving)
{
	relay_turn(r, clock_ticks());
	if (r->state == RELAY_SERVES)
		rest(r, serving);
}

/* Until the kernel's INIT is answered. */
static void
begin(struct relay *r)
{
	for (;;) {
		relay_turn(r, clock_ticks());
		if (r->state != RELAY_SERVES || r->init.state != INIT_NEW || lifecycle_stopping())
			return;
		rest(r, true);
	}
}

/* Until the file system is gone, or those that use it had their time. */
static void
serve_until_gone(struct relay *r)
{
	uint64_t end = clock_ticks() + ms(r, LEAVE_MS);

	while (r->state == RELAY_SERVES && clock_ticks() < end)
		turn_and_rest(r, false);
}

int
relay_mount(struct relay *r, const char *where, const char *ready)
{
	struct mounting m;

	if (mounting_begin(&m, where) != 0)
		return -1;
	r->fuse = m.fuse;
	begin(r);
	if (r->init.state != INIT_NEW)
		lifecycle_ready("%s", ready);
	while (r->state == RELAY_SERVES && !lifecycle_stopping())
		turn_and_rest(r, true);
	r->stopped = r->state == RELAY_SERVES;
	/* Unmounting may write what is left in the client's page cache: it is still served. */
	mounting_leave(&m);
	serve_until_gone(r);
	/* It is closed next: what is still out has nobody to be answered to, and its number may
	 * soon be another file's. */
	r->fuse = -1;
	if (mounting_end(&m) != 0 || r->state == RELAY_FAILED)
		return -1;
	return 0;
}
