#include "fault.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "mix64.h"

#define HELD_MAX 256 /* packets of one direction */

const char *const fault_kind_names[FAULT_KINDS] = {
		"drop", "duplicate", "reorder", "delay", "corrupt", "truncate"};

/* A packet that is held back: until a tick, or until so many have overtaken it. */
struct held {
	uint64_t until;
	uint32_t overtaken;
	uint32_t peer;
	uint32_t bytes;
	bool used;
	uint8_t *packet;
};

struct direction {
	struct fault_plan plan;
	struct fault_counts counts;
	struct held held[HELD_MAX];
	uint32_t holding;
	uint8_t *copy; /* of the packet that is on its way; what it meets may send in between */
};

struct fault {
	struct carrier carrier; /* first: what users hold is this */
	struct fault_config config;
	uint64_t random;
	struct direction out;
	struct direction in;
	carrier_take *take;
	void *self;
};

static uint64_t
draw(struct fault *f)
{
	f->random += MIX64_STEP;
	return mix64(f->random);
}

static bool
happens(struct fault *f, struct direction *d, enum fault_kind kind)
{
	/* Drawn whatever the chance is: one fault more must not change all the others. */
	double at = (double)(draw(f) >> 11) * 0x1p-53;

	if (at >= d->plan.chance[kind] && d->counts.packets != d->plan.exactly[kind])
		return false;
	d->counts.done[kind]++;
	return true;
}

/* Goes on as if nothing had been: down to the network, or up to the user. */
static void
pass(struct fault *f, struct direction *d, uint32_t peer, const uint8_t *packet, uint32_t bytes)
{
	const struct iovec part = {.iov_base = (void *)(uintptr_t)packet, .iov_len = bytes};

	if (d == &f->in)
		f->take(f->self, peer, packet, bytes, f->config.ticks(f->config.clock));
	else if (f->config.under->calls->send(f->config.under, peer, &part, 1) != 0)
		d->counts.overflow++;
}

/* Lets go what has been held long enough. */
static void
release(struct fault *f, struct direction *d)
{
	uint64_t now = f->config.ticks(f->config.clock);

	for (uint32_t i = 0; i < HELD_MAX && d->holding > 0; i++) {
		struct held h = d->held[i];

		if (!h.used || (now < h.until && h.overtaken > 0))
			continue;
		d->held[i].used = false;
		d->holding--;
		pass(f, d, h.peer, h.packet, h.bytes);
	}
}

static void
hold(struct fault *f, struct direction *d, uint32_t peer, uint32_t bytes, uint64_t ticks,
		uint32_t overtaken)
{
	struct held *h = d->held;

	while (h < d->held + HELD_MAX && h->used)
		h++;
	if (h == d->held + HELD_MAX) {
		d->counts.overflow++;
		return;
	}
	if (h->packet == NULL && (h->packet = malloc(f->carrier.most)) == NULL) {
		d->counts.overflow++;
		return;
	}
	memcpy(h->packet, d->copy, bytes);
	h->peer = peer;
	h->bytes = bytes;
	h->until = f->config.ticks(f->config.clock) + ticks;
	h->overtaken = overtaken;
	h->used = true;
	d->holding++;
}

/* The packet in the direction's copy goes its way. */
static void
go(struct fault *f, struct direction *d, uint32_t peer, uint32_t bytes)
{
	uint64_t bit;
	bool twice;

	d->counts.packets++;
	for (uint32_t i = 0; i < HELD_MAX && d->holding > 0; i++)
		if (d->held[i].used && d->held[i].overtaken > 0)
			d->held[i].overtaken--;
	if (happens(f, d, FAULT_CORRUPT) && bytes > 0) {
		bit = draw(f) % (8u * (uint64_t)bytes);
		d->copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	if (happens(f, d, FAULT_TRUNCATE) && bytes > 0)
		bytes = (uint32_t)(draw(f) % bytes);
	twice = happens(f, d, FAULT_DUPLICATE);
	if (happens(f, d, FAULT_DELAY))
		hold(f, d, peer, bytes, draw(f) % (d->plan.delay + 1), UINT32_MAX);
	else if (happens(f, d, FAULT_REORDER))
		hold(f, d, peer, bytes, d->plan.delay, 1 + (uint32_t)(draw(f) % 3));
	else if (!happens(f, d, FAULT_DROP))
		pass(f, d, peer, d->copy, bytes);
	if (twice)
		hold(f, d, peer, bytes, d->plan.delay, 1);
	release(f, d);
}

static int
fault_send(struct carrier *c, uint32_t peer, const struct iovec *parts, int count)
{
	struct fault *f = (struct fault *)c;
	uint32_t bytes = 0;

	for (int i = 0; i < count; i++) {
		if (parts[i].iov_len > f->carrier.most - bytes)
			return -EMSGSIZE;
		memcpy(f->out.copy + bytes, parts[i].iov_base, parts[i].iov_len);
		bytes += (uint32_t)parts[i].iov_len;
	}
	go(f, &f->out, peer, bytes);
	return 0;
}

static void
fault_take(void *self, uint32_t peer, const uint8_t *packet, uint32_t bytes, uint64_t tick)
{
	struct fault *f = self;

	(void)tick;
	if (bytes > f->carrier.most) {
		f->in.counts.overflow++;
		return;
	}
	memcpy(f->in.copy, packet, bytes);
	go(f, &f->in, peer, bytes);
}

static uint32_t
fault_poll(struct carrier *c, carrier_take *take, void *self)
{
	struct fault *f = (struct fault *)c;
	uint32_t came;

	f->take = take;
	f->self = self;
	release(f, &f->out);
	came = f->config.under->calls->poll(f->config.under, fault_take, f);
	release(f, &f->in);
	return came;
}

static void
fault_wait(struct carrier *c, int fd, uint64_t ns)
{
	struct fault *f = (struct fault *)c;

	/* What is held back has a tick of its own: no long sleep over it. */
	if (f->out.holding + f->in.holding == 0)
		f->config.under->calls->wait(f->config.under, fd, ns);
}

static bool
fault_gone(struct carrier *c, uint32_t peer)
{
	struct carrier *under = ((struct fault *)c)->config.under;

	return under->calls->gone != NULL && under->calls->gone(under, peer);
}

static const struct carrier_calls polled = {
		.send = fault_send, .poll = fault_poll, .gone = fault_gone};
static const struct carrier_calls waited = {
		.send = fault_send, .poll = fault_poll, .wait = fault_wait, .gone = fault_gone};

struct fault *
fault_create(const struct fault_config *config)
{
	struct fault *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->config = *config;
	f->carrier = *config->under;
	f->carrier.calls = config->under->calls->wait != NULL ? &waited : &polled;
	f->carrier.reliable = false;
	f->random = config->seed;
	f->out.plan = config->out;
	f->in.plan = config->in;
	f->out.copy = malloc(f->carrier.most);
	f->in.copy = malloc(f->carrier.most);
	if (f->out.copy == NULL || f->in.copy == NULL) {
		fault_destroy(f);
		errno = ENOMEM;
		return NULL;
	}
	return f;
}

void
fault_destroy(struct fault *f)
{
	if (f == NULL)
		return;
	for (uint32_t i = 0; i < HELD_MAX; i++) {
		free(f->out.held[i].packet);
		free(f->in.held[i].packet);
	}
	free(f->out.copy);
	free(f->in.copy);
	free(f);
}

struct carrier *
fault_carrier(struct fault *f)
{
	return &f->carrier;
}

struct fault_counts
fault_counts_out(const struct fault *f)
{
	return f->out.counts;
}

struct fault_counts
fault_counts_in(const struct fault *f)
{
	return f->in.counts;
}
