#include "client_internal.h"

#include <string.h>

#include "wire.h"

/* The first that comes about a request tells a round trip: how many ticks it took; 0: this tells
 * none. */
static inline uint64_t
round_trip(struct call *call, uint64_t now)
{
	if (call->repeated || now <= call->began)
		return 0;
	call->repeated = true; /* one for each request */
	return now - call->began;
}

static inline void
sample(struct rpc_client *c, uint64_t ticks)
{
	if (ticks > 0)
		rto_sample(&c->rto, ticks);
}

/* All of the answer has come. Its user waits for it; what the round trip tells can be seen to
 * afterwards, when the slot may have another request. */
static void
answered(struct rpc_client *c, struct call *call, const uint8_t *answer, uint32_t bytes,
		uint64_t now)
{
	uint64_t ticks = round_trip(call, now);

	client_end(c, call, RPC_ANSWERED, answer, bytes);
	sample(c, ticks);
}

/* Something has come about this request, which is not all: its wait begins anew. */
static void
progress(struct rpc_client *c, struct call *call, uint64_t now)
{
	sample(c, round_trip(call, now));
	call->timeouts = 0;
	client_arm(c, call, now);
}

/* A fragment of an answer, which tells as well that the whole request has come. */
static void
take_answer(struct rpc_client *c, struct call *call, const struct packet *p, uint64_t now)
{
	if (!fragment_fits(p, c->part, c->agreed.value_max)) {
		c->counts.unexpected++;
		return;
	}
	c->flight -= call->out.flight;
	sending_finish(&call->out);
	if (p->count == 1) {
		answered(c, call, p->payload, p->length, now);
		return;
	}
	if (call->in.count == 0)
		receiving_start(&call->in, call->answer, p, c->part);
	switch (receiving_add(&call->in, p)) {
	case RECEIVING_WHOLE:
		answered(c, call, call->answer, p->total, now);
		return;
	case RECEIVING_WAITS:
		progress(c, call, now);
		break;
	case RECEIVING_REPEATED:
		c->counts.duplicates++;
		break;
	case RECEIVING_REFUSED:
		c->counts.unexpected++;
		return;
	}
	if ((p->flags & PACKET_REPORT) != 0)
		client_ask(c, call, PACKET_REPORT);
	else if (call->in.unreported > c->agreed.window / 4)
		client_ask(c, call, 0);
}

/* What the server has of a request. */
static void
take_have(struct rpc_client *c, struct call *call, const struct packet *p, uint64_t now)
{
	struct sending *out = &call->out;
	uint32_t before = out->flight;
	uint32_t overtaken = (p->flags & PACKET_REPORT) != 0 ? 0 : FRAGMENTS_REORDER;

	/* An answer has begun to come: there is nothing left to say about the request. */
	if (call->in.count > 0)
		return;
	/* Nothing of it is there; but without a question of ours before it, that is an old story.
	 */
	if (p->count == 0 && call->timeouts == 0)
		return;
	if (p->count == 0)
		sending_restart(out);
	if (p->count == 0 || sending_progress(out, p->payload, p->count, overtaken) > 0)
		progress(c, call, now);
	if ((p->flags & PACKET_LATE) != 0)
		sending_late(out, call->late_mark);
	c->flight -= before - out->flight;
	client_pump(c, call, now);
}

/* Another server, or one that knows us no more: nobody knows what became of what is out. */
static void
lost_session(struct rpc_client *c, uint64_t now)
{
	c->counts.restarts++;
	c->state = RPC_JOINING;
	c->server_epoch = 0;
	c->session = 0;
	c->hello_tries = 0;
	c->hello_timer = now;
	c->next = now;
	client_end_all(c, RPC_RESTARTED);
}

static void
open_session(struct rpc_client *c, const struct packet *p, const struct hello *agreed)
{
	c->server_epoch = p->server_epoch;
	c->session = p->session;
	c->state = RPC_OPEN;
	c->part = agreed->most - PACKET_HEADER_BYTES;
	if (c->agreed.slots != agreed->slots) {
		/* The first time, or another server: ids go on above all that were used. */
		uint64_t base = c->config.first_id;

		for (uint32_t i = 0; i < c->agreed.slots; i++)
			if (i == 0 || (int64_t)(c->calls[i].id - base) > 0)
				base = c->calls[i].id;
		base = (base + 2 * agreed->slots - 1) & ~(uint64_t)(agreed->slots - 1);
		c->free_count = 0;
		for (uint32_t i = agreed->slots; i-- > 0;) {
			c->calls[i].id = base + i;
			c->free_slots[c->free_count++] = (uint16_t)i;
		}
	}
	c->agreed = *agreed;
}

static void
take_welcome(struct rpc_client *c, const struct packet *p, uint64_t now)
{
	const struct hello *wanted = &c->config.wanted;
	struct hello agreed;
	bool same;

	hello_read(&agreed, p->payload);
	/* Only the last HELLO's: an earlier one may be of a server that has ended since. */
	if (p->id != c->hello_id || c->hello_tries == 0 || c->state > RPC_OPEN) {
		c->counts.stale++;
		return;
	}
	if (agreed.version_max < wanted->version_min || agreed.version_max > wanted->version_max ||
			agreed.slots == 0 || agreed.slots > wanted->slots ||
			(agreed.slots & (agreed.slots - 1)) != 0 ||
			agreed.most < PACKET_LEAST_MOST || agreed.most > wanted->most ||
			agreed.value_max != wanted->value_max || agreed.window == 0 ||
			agreed.window > wanted->window || agreed.features != wanted->features ||
			p->server_epoch == 0) {
		c->counts.unexpected++;
		return;
	}
	same = p->server_epoch == c->server_epoch && p->session == c->session;
	/* What a session agreed on stays: requests are out that were cut by it. */
	if (same && memcmp(&agreed, &c->agreed, sizeof(agreed)) != 0) {
		c->counts.unexpected++;
		return;
	}
	c->heard = now;
	if (c->server_epoch != 0 && !same)
		lost_session(c, now);
	c->hello_tries = 0;
	c->next = now;
	/* The same session over a new connection: what is out may have been lost with the old one.
	 */
	for (uint32_t i = 0; i < c->agreed.slots && c->state == RPC_JOINING; i++)
		c->calls[i].timer = now;
	open_session(c, p, &agreed);
}

static void
take_refusal(struct rpc_client *c, const struct packet *p)
{
	if (c->state != RPC_JOINING || p->id != c->hello_id) {
		c->counts.stale++;
		return;
	}
	refusal_read(&c->refusal, p->payload);
	c->state = RPC_REFUSED;
}

/* Whether a packet that says that the session is over is of this session. */
static bool
ends_session(const struct rpc_client *c, const struct packet *p)
{
	if (c->state != RPC_OPEN || p->session != c->session)
		return false;
	if (p->type == PACKET_BYE)
		return p->server_epoch == c->server_epoch;
	return wire_get_be64(p->payload) == c->server_epoch;
}

static void
take_for_call(struct rpc_client *c, const struct packet *p, uint64_t now)
{
	struct call *call;

	if (c->state != RPC_OPEN || p->server_epoch != c->server_epoch ||
			p->session != c->session) {
		c->counts.stale++;
		return;
	}
	c->heard = now;
	call = &c->calls[p->id & (c->agreed.slots - 1u)];
	if (!call->active || call->id != p->id) {
		c->counts.duplicates++;
		return;
	}
	if (p->type == PACKET_ANSWER) {
		take_answer(c, call, p, now);
	} else if (p->type == PACKET_HAVE) {
		take_have(c, call, p, now);
	} else {
		/* It is being carried out: asked again, but ever more seldom. */
		c->counts.busy++;
		call->repeated = true;
		if (call->timeouts < UINT8_MAX)
			call->timeouts++;
		client_arm(c, call, now);
	}
}

void
rpc_client_take(void *self, uint32_t peer, const uint8_t *packet, uint32_t n, uint64_t tick)
{
	struct rpc_client *c = self;
	struct packet p;
	enum packet_error error = packet_decode(&p, packet, n);

	c->counts.rx++;
	if (error != PACKET_OK) {
		c->counts.dropped[error]++;
		return;
	}
	if (peer != c->config.peer || p.client_epoch != c->config.epoch) {
		c->counts.stale++;
		return;
	}
	switch ((enum packet_type)p.type) {
	case PACKET_ANSWER:
	case PACKET_HAVE:
		take_for_call(c, &p, tick);
		return;
	case PACKET_BUSY:
		/* Of a HELLO: that is said again anyway. */
		if (p.session == 0)
			c->counts.busy++;
		else
			take_for_call(c, &p, tick);
		return;
	case PACKET_WELCOME:
		take_welcome(c, &p, tick);
		return;
	case PACKET_RESTARTED:
	case PACKET_BYE:
		if (ends_session(c, &p))
			lost_session(c, tick);
		else
			c->counts.stale++;
		return;
	case PACKET_REFUSED:
		take_refusal(c, &p);
		return;
	case PACKET_HELLO:
	case PACKET_REQUEST:
	case PACKET_ASK:
	case PACKET_TYPES_END:
		break;
	}
	c->counts.unexpected++;
}
