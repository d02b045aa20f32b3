#include "load_run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

/* How long it sleeps at most, where it can: what has to be sent again is due between. */
#define SLEEP_NS 2000000
#define NS_PER_S 1e9
/* Of a closed loop that spins, between two looks at the clock. */
#define LOOKS_PER_REST 16
#define RESTARTED "server restarted"
#define GONE "peer closed"

int
load_begin(struct load *l, const struct load_options *o, struct answerer *answerer,
		struct work *work, uint32_t slots, double ticks_per_s)
{
	size_t bytes = (WORK_BYTES_MAX((size_t)o->generator.size) + 63) & ~(size_t)63;

	*l = (struct load){
			.options = o,
			.answerer = answerer,
			.work = work,
			.ticks_per_s = ticks_per_s,
			.room_count = slots < LOAD_DEPTH_MAX ? slots : LOAD_DEPTH_MAX,
	};
	if (o->generator.depth > l->room_count) {
		complain("--depth %u: the server takes %u requests of a client at once: start it "
			 "with more --slots",
				o->generator.depth, l->room_count);
		return -1;
	}
	l->memory = aligned_alloc(64, bytes * l->room_count);
	if (l->memory == NULL || meter_begin(&l->meter, &o->generator) != 0) {
		complain("no memory for %" PRIu64 " samples: %s; lower --max-samples",
				o->generator.max_samples, strerror(errno));
		load_end(l);
		return -1;
	}
	/* Touched before anything is measured. */
	memset(l->memory, 0, bytes * l->room_count);
	for (uint32_t i = l->room_count; i-- > 0;) {
		l->rooms[i].request = l->memory + i * bytes;
		l->free_rooms[l->free_count++] = i;
	}
	return 0;
}

void
load_end(struct load *l)
{
	meter_end(&l->meter);
	free(l->memory);
	l->memory = NULL;
}

/* What the answer to the request of a room is worth. */
static void
judge(struct load *l, uint32_t room, const uint8_t *answer, uint32_t bytes)
{
	const struct load_room *r = &l->rooms[room];
	/* Now it is there; to look at all its bytes is our own pleasure. */
	uint64_t came = clock_ticks();
	struct judgement j = l->work->calls->judge(l->work, room, r->request, answer, bytes);

	if (j.verdict == MESSAGE_OK && j.error == 0) {
		(void)meter_came_back_from(&l->meter, r->seq, came, room);
		return;
	}
	if (j.error != 0)
		l->errors[j.error < LOAD_ERRNO_MAX ? j.error : EPROTO]++;
	else
		meter_refuse(&l->meter, j.verdict);
	/* The right answer will not come any more. */
	meter_lose(&l->meter, r->seq);
}

static void
done(void *self, uint64_t token, enum rpc_outcome outcome, const uint8_t *answer, uint32_t bytes)
{
	struct load *l = self;
	uint32_t room = (uint32_t)token;

	if (outcome == RPC_ANSWERED)
		judge(l, room, answer, bytes);
	else
		meter_lose(&l->meter, l->rooms[room].seq);
	l->free_rooms[l->free_count++] = room;
}

/* Sends the next request; false where it was not taken. */
static bool
send_next(struct load *l)
{
	const struct schedule *s = &l->window.schedule;
	uint32_t room = l->free_rooms[l->free_count - 1];
	struct load_room *r = &l->rooms[room];
	uint32_t bytes;
	uint64_t now;

	r->seq = meter_next(&l->meter);
	bytes = l->work->calls->make(l->work, room, r->seq, r->request);
	now = clock_ticks();
	if (l->answerer->calls->send(l->answerer, room, r->request, bytes, now,
			    now + l->window.timeout) != 0)
		return false;
	l->free_count--;
	l->sent++;
	return meter_sent(&l->meter, s->ticks_per_packet > 0 ? schedule_tick(s, r->seq) : now);
}

/* Sends what may leave now. Returns how many requests left. */
static uint32_t
send_allowed(struct load *l, uint64_t now)
{
	uint64_t wanted;
	uint32_t sent = 0;

	/* As most looks of a closed loop find it: all that may be out is. */
	if (l->free_count == 0)
		return 0;
	wanted = window_allows(&l->window, &l->options->generator, now);
	while (sent < wanted && l->free_count > 0 && l->answerer->state == ANSWERER_OPEN &&
			send_next(l))
		sent++;
	return sent;
}

/* The end that a server brings which is gone or another one; `away` is since when it is gone, 0
 * where it is there. */
static void
watch_server(struct load *l, uint64_t life, uint64_t *away, uint64_t now)
{
	if (l->answerer->life != life) {
		if (load_ended_well(l))
			complain("the server was started anew, or forgot this client: the "
				 "measurement ends");
		window_fail(&l->window, now, RESTARTED);
	}
	if (l->answerer->state == ANSWERER_OPEN)
		*away = 0;
	else if (*away == 0)
		*away = now;
	else if (now - *away > l->window.timeout && load_ended_well(l)) {
		complain("no word from the server for %u ms: the measurement ends",
				l->options->generator.timeout_ms);
		window_fail(&l->window, now, GONE);
	}
}

/* How long nothing has to be done, in nanoseconds, unless an answer comes. */
static uint64_t
quiet_ns(const struct load *l, enum phase phase, uint64_t due)
{
	const struct schedule *s = &l->window.schedule;
	uint64_t now = clock_ticks();
	uint64_t next = phase == PHASE_WARMUP ? s->warmup_end : s->window_end;
	double ns;

	if (phase == PHASE_DRAIN)
		next = s->drain_end;
	if (due < next)
		next = due;
	if (phase < PHASE_DRAIN && s->ticks_per_packet > 0 && l->free_count > 0) {
		uint64_t seq = meter_next(&l->meter);
		uint64_t leaves = seq != RECORDER_FULL ? schedule_tick(s, seq) : next;

		if (leaves < next)
			next = leaves;
	}
	ns = next > now ? (double)(next - now) * NS_PER_S / l->ticks_per_s : 0;
	return ns < SLEEP_NS ? (uint64_t)ns : SLEEP_NS;
}

/* What goes by the clock. Where the measurement stands. */
static enum phase
look_at_clock(struct load *l, uint64_t life, uint64_t *away, uint64_t now)
{
	watch_server(l, life, away, now);
	return window_follow(&l->window, now);
}

/*
 * From warm-up to the end of the drain. Where it spins, a look in vain is followed by the next: the
 * clock and a rest take as long as one, so there is one of them to several. An open loop goes by
 * the clock.
 */
static void
measure(struct load *l)
{
	struct answerer *a = l->answerer;
	const uint64_t life = a->life;
	const bool sleeps = a->calls->wait != NULL;
	const bool spins = !sleeps && l->options->generator.idle == IDLE_SPIN &&
			   l->options->generator.rate == 0;
	uint64_t away = 0;
	uint64_t now = clock_ticks();
	uint64_t due = now;
	enum phase phase = PHASE_WARMUP;
	uint32_t looks = 0;

	while (phase < PHASE_DRAIN || (phase == PHASE_DRAIN && l->meter.outstanding > 0)) {
		uint64_t returns = l->meter.returns;
		uint32_t sent = phase < PHASE_DRAIN ? send_allowed(l, now) : 0;

		if (sleeps)
			a->calls->wait(a, -1, quiet_ns(l, phase, due));
		due = a->calls->poll(a, sleeps ? clock_ticks() : now);
		if (spins && ++looks % LOOKS_PER_REST != 0)
			continue;
		if (!sleeps && sent == 0 && l->meter.returns == returns)
			idle_wait(l->options->generator.idle);
		now = clock_ticks();
		phase = look_at_clock(l, life, &away, now);
	}
}

/* Says what was wrong with answers, if anything was. */
static void
complain_of_answers(const struct load *l)
{
	const uint64_t *refused = l->meter.errors;
	uint64_t wrong = refused[MESSAGE_SHORT] + refused[MESSAGE_FOREIGN] +
			 refused[MESSAGE_CORRUPT];

	for (int i = 1; i < LOAD_ERRNO_MAX; i++)
		if (l->errors[i] > 0)
			complain("%" PRIu64 " requests failed at the server: %s", l->errors[i],
					strerror(i));
	if (wrong > 0)
		complain("%" PRIu64 " answers were wrong: %" PRIu64 " short, %" PRIu64
			 " of others, %" PRIu64 " corrupt",
				wrong, refused[MESSAGE_SHORT], refused[MESSAGE_FOREIGN],
				refused[MESSAGE_CORRUPT]);
	if (l->meter.returns == 0 && !lifecycle_stopping() && load_ended_well(l))
		complain("nothing came back");
}

void
load_run(struct load *l)
{
	l->answerer->done = done;
	l->answerer->self = l;
	lifecycle_ready("hz=%.0f", l->ticks_per_s);
	window_begin(&l->window, &l->meter, &l->options->generator, l->ticks_per_s, clock_ticks());
	measure(l);
	/* Whatever is still out is lost. */
	(void)meter_expire(&l->meter, UINT64_MAX, 0);
	complain_of_answers(l);
}

bool
load_ended_well(const struct load *l)
{
	return strcmp(l->window.ended, RESTARTED) != 0 && strcmp(l->window.ended, GONE) != 0;
}
