#include "probe.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "message.h"
#include "spread.h"

#define PROBE_TIMEOUT_MS 5000
#define PROBE_AGAIN_MS 20
/* With the device spreading, each flow may take another path; this many are tried. */
#define PROBE_MAX_FLOWS 256

/* One round of probes: which flows are asked, and who answered. */
struct round {
	struct link *link;
	const struct generator_options *generator;
	bool *answered;			/* [asked] */
	struct rte_ether_addr *learned; /* [port_count]; NULL: do not learn */
	uint32_t asked;			/* flows 0..asked-1 */
	uint32_t missing;
};

static void
send_probe(struct round *r, uint32_t flow)
{
	struct link *l = r->link;
	struct message message = {
			.seq = flow,
			.flow = flow,
			.length = RTE_MAX(l->size, (uint32_t)MESSAGE_MIN_BYTES),
			.tag = probe_tag(r->generator->tag),
	};
	uint8_t *payload;
	struct rte_mbuf *m = link_frame(l, message.length, &payload);

	if (m == NULL)
		return;
	message_write(payload, &message);
	link_finish(l, m, flow);
	if (link_send(l, &l->lanes[l->lane_of[flow]], &m, 1) == 0)
		rte_pktmbuf_free(m);
}

static void
take_echo(void *self, struct lane *lane, struct rte_mbuf *m, uint64_t tick)
{
	struct round *r = self;
	struct message message;
	struct frame f;
	uint32_t flow;

	(void)tick;
	if (!link_read(r->link, lane, m, &f, &flow))
		return;
	if (message_read(&message, f.payload, f.payload_bytes, probe_tag(r->generator->tag)) !=
					MESSAGE_OK ||
			message.flow != flow) {
		lane->drops[LINK_REFUSED]++;
		return;
	}
	lane->probes++;
	if (r->learned != NULL)
		r->learned[lane->port_index] =
				rte_pktmbuf_mtod(m, struct rte_ether_hdr *)->src_addr;
	if (flow < r->asked && !r->answered[flow]) {
		r->answered[flow] = true;
		r->missing--;
	}
}

static uint32_t
take_echoes(struct round *r)
{
	return link_poll(r->link, take_echo, r);
}

static void
say_silent(const struct round *r)
{
	const struct link *l = r->link;
	uint32_t flow = 0;

	while (r->answered[flow])
		flow++;
	if (lifecycle_stopping())
		complain("stopped before all paths answered");
	else
		complain("%" PRIu32 " of %" PRIu32
			 " probed flows got no answer within %d s, the first of them flow %" PRIu32
			 " (port %u, queue %u, UDP source port %" PRIu32
			 ", to " RTE_ETHER_ADDR_PRT_FMT
			 "): does a forwarder poll that queue, and does that address reach it "
			 "(--peer-mac)?",
				r->missing, r->asked, PROBE_TIMEOUT_MS / 1000, flow,
				l->lanes[l->lane_of[flow]].port, l->lanes[l->lane_of[flow]].queue,
				SPREAD_FIRST_PORT + flow,
				RTE_ETHER_ADDR_BYTES(&l->ends[l->lanes[l->lane_of[flow]].port_index]
								      .dst_mac));
}

/* Asks flows 0..asked-1 again and again until all answered. */
static int
run_round(struct round *r, uint32_t asked)
{
	uint64_t again = rte_get_timer_hz() * PROBE_AGAIN_MS / 1000;
	uint64_t deadline = rte_get_timer_cycles() + rte_get_timer_hz() * PROBE_TIMEOUT_MS / 1000;
	uint64_t next = 0;
	uint64_t now;

	r->asked = asked;
	r->missing = asked;
	memset(r->answered, 0, asked * sizeof(*r->answered));
	while (r->missing > 0) {
		now = rte_get_timer_cycles();
		if (now > deadline || lifecycle_stopping()) {
			say_silent(r);
			return -1;
		}
		/* Echoes are taken after each probe: a burst of all flows could overrun a small
		 * queue. */
		for (uint32_t flow = 0; now >= next && flow < asked; flow++)
			if (!r->answered[flow]) {
				send_probe(r, flow);
				(void)take_echoes(r);
			}
		if (now >= next)
			next = now + again;
		if (take_echoes(r) == 0)
			idle_wait(r->generator->idle);
	}
	return 0;
}

/* A broadcast by each port; the address that each port's echo came from is where its frames go. */
static int
learn(struct round *r)
{
	static const struct rte_ether_addr everybody = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
	struct rte_ether_addr learned[PORT_MAX];
	struct link *l = r->link;

	for (uint16_t i = 0; i < l->port_count; i++)
		link_set_peer(l, i, &everybody);
	memset(learned, 0, sizeof(learned));
	r->learned = learned;
	/* Flows go round the ports, so the first ones meet each port once. */
	if (run_round(r, l->port_count) != 0)
		return -1;
	r->learned = NULL;
	for (uint16_t i = 0; i < l->port_count; i++) {
		if (!rte_is_valid_assigned_ether_addr(&learned[i])) {
			complain("port %u: the answer to a broadcast came from no station's "
				 "address; "
				 "give --peer-mac",
					l->ports[i].port);
			return -1;
		}
		link_set_peer(l, i, &learned[i]);
	}
	return 0;
}

int
probe(struct link *l, const struct link_options *o, const struct generator_options *g)
{
	uint32_t flows = RTE_MIN(l->flows, (uint32_t)PROBE_MAX_FLOWS);
	struct round r = {
			.link = l,
			.generator = g,
			.answered = calloc(flows, sizeof(*r.answered)),
	};
	int result = 0;

	if (r.answered == NULL) {
		complain("no memory to probe %" PRIu32 " flows", flows);
		return -1;
	}
	/* The loop inside the program has no address to be learned. */
	if (rte_is_zero_ether_addr(&o->peer_mac) && !g->floor)
		result = learn(&r);
	if (result == 0)
		result = run_round(&r, flows);
	free(r.answered);
	return result;
}
