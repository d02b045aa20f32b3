#include "unit.h"

#include "board.h"
#include "dispatch.h"
#include "frame.h"
#include "hand_over.h"

#define SRC FRAME_IP(198, 19, 0, 101)
#define DST FRAME_IP(198, 19, 0, 102)
#define DST_PORT 9000
#define PAYLOAD 32

/* A frame of flow `src_port`. */
static void
make_frame(uint8_t frame[FRAME_HEADER_BYTES + PAYLOAD], uint16_t src_port)
{
	struct frame_ends ends = {.src_ip = SRC, .dst_ip = DST, .dst_port = DST_PORT};
	struct frame_template t;

	memset(frame, 0, FRAME_HEADER_BYTES + PAYLOAD);
	frame_template_init(&t, &ends, PAYLOAD);
	frame_finish(frame, &t, src_port);
}

static void
round_robin_serves_each_in_turn_across_bursts(void **state)
{
	struct dispatcher d;
	uint8_t nothing[1] = {0};

	(void)state;
	dispatcher_init(&d, DISPATCH_ROUND_ROBIN, 3);
	for (int i = 0; i < 100; i++)
		assert_int_equal(dispatch(&d, nothing, 0), i % 3);
	dispatcher_init(&d, DISPATCH_ROUND_ROBIN, 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(dispatch(&d, nothing, 0), 0);
}

/* The hash is that of spread.h over the frame's own addresses and ports. */
static void
a_flow_has_one_client_and_flows_are_spread(void **state)
{
	uint8_t frame[FRAME_HEADER_BYTES + PAYLOAD];
	struct dispatcher d;
	unsigned int of[4] = {0};

	(void)state;
	dispatcher_init(&d, DISPATCH_FLOW, 4);
	for (uint16_t flow = 0; flow < 64; flow++) {
		uint16_t src_port = SPREAD_FIRST_PORT + flow;
		uint16_t client;

		make_frame(frame, src_port);
		assert_int_equal(dispatch_hash(frame, sizeof(frame)),
				spread_hash(SRC, DST, src_port, DST_PORT));
		client = dispatch(&d, frame, sizeof(frame));
		assert_int_equal(client, dispatch(&d, frame, sizeof(frame)));
		of[client]++;
	}
	for (int i = 0; i < 4; i++)
		assert_int_equal(of[i], 16);
}

static void
ip_options_are_skipped(void **state)
{
	uint8_t frame[FRAME_HEADER_BYTES + PAYLOAD];
	uint8_t longer[FRAME_HEADER_BYTES + PAYLOAD + 4];
	size_t udp = FRAME_UDP_OFFSET;

	(void)state;
	make_frame(frame, 50000);
	memcpy(longer, frame, udp);
	longer[sizeof(struct rte_ether_hdr)] = 0x46;
	memset(longer + udp, 0, 4);
	memcpy(longer + udp + 4, frame + udp, sizeof(frame) - udp);
	assert_int_equal(
			dispatch_hash(longer, sizeof(longer)), dispatch_hash(frame, sizeof(frame)));
}

/* All fragments of a datagram go to one client, though the first alone has ports. */
static void
fragments_count_by_their_addresses(void **state)
{
	uint8_t frame[FRAME_HEADER_BYTES + PAYLOAD];
	size_t bits = sizeof(struct rte_ether_hdr) + offsetof(struct rte_ipv4_hdr, fragment_offset);

	(void)state;
	make_frame(frame, 50000);
	frame[bits] = 0x20; /* more fragments */
	assert_int_equal(dispatch_hash(frame, sizeof(frame)), spread_hash(SRC, DST, 0, 0));
	frame[bits] = 0;
	frame[bits + 1] = 1; /* a later one */
	assert_int_equal(dispatch_hash(frame, sizeof(frame)), spread_hash(SRC, DST, 0, 0));
}

static void
what_has_no_flow_hashes_to_zero_and_nothing_is_read_behind_it(void **state)
{
	uint8_t frame[FRAME_HEADER_BYTES + PAYLOAD];

	(void)state;
	make_frame(frame, 50000);
	for (size_t length = 0; length < sizeof(frame); length++) {
		uint8_t *cut = malloc(length > 0 ? length : 1); /* the sanitizer watches its end */
		uint32_t hash;

		memcpy(cut, frame, length);
		hash = dispatch_hash(cut, length);
		if (length < sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv4_hdr))
			assert_int_equal(hash, 0);
		else if (length < FRAME_HEADER_BYTES)
			assert_int_equal(hash, spread_hash(SRC, DST, 0, 0));
		free(cut);
	}
	frame[12] = 0x86; /* another EtherType */
	assert_int_equal(dispatch_hash(frame, sizeof(frame)), 0);
}

struct ring_fixture {
	struct rte_ring *ring;
	struct offer_counts counts;
};

static int
make_ring(void **state)
{
	ssize_t size = rte_ring_get_memsize(16);
	struct ring_fixture *f = NULL;
	void *memory = NULL;

	if (size < 0 || posix_memalign((void **)&f, RTE_CACHE_LINE_SIZE, sizeof(*f)) != 0 ||
			posix_memalign(&memory, RTE_CACHE_LINE_SIZE, (size_t)size) != 0)
		return -1;
	memset(f, 0, sizeof(*f));
	f->ring = memory;
	*state = f;
	return rte_ring_init(f->ring, "test", 10, RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ);
}

static int
free_ring(void **state)
{
	struct ring_fixture *f = *state;

	free(f->ring);
	free(f);
	return 0;
}

static void
a_burst_is_taken_whole_or_refused_for_a_reason(void **state)
{
	struct ring_fixture *f = *state;
	int things[10];
	void *burst[10];
	void *out[10];

	for (int i = 0; i < 10; i++)
		burst[i] = &things[i];
	assert_true(hand_over(f->ring, burst, 6, &f->counts));
	/* Four more would fit; six do not, and none of them goes in. */
	assert_false(hand_over(f->ring, burst, 6, &f->counts));
	assert_int_equal(rte_ring_count(f->ring), 6);
	assert_int_equal(f->counts.bulk_refused, 6);
	assert_int_equal(f->counts.ring_full, 0);
	assert_true(hand_over(f->ring, burst, 4, &f->counts));
	assert_false(hand_over(f->ring, burst, 1, &f->counts));
	assert_int_equal(f->counts.ring_full, 1);
	assert_int_equal(f->counts.bulk_refused, 6);
	assert_int_equal(f->counts.offered,
			f->counts.enqueued + f->counts.ring_full + f->counts.bulk_refused);
	assert_int_equal(rte_ring_sc_dequeue_burst(f->ring, out, 10, NULL), 10);
	assert_ptr_equal(out[0], &things[0]);
	assert_ptr_equal(out[6], &things[0]);
}

static void
what_a_client_did_is_what_it_sent_and_dropped(void **state)
{
	static struct client_counts c;

	(void)state;
	count_add(&c.lanes[0].queue.tx_packets, 5);
	count_add(&c.lanes[1].queue.tx_packets, 7);
	count_add(&c.lanes[0].queue.rx_packets, 100);
	for (int reason = 0; reason < CLIENT_DROPS; reason++) {
		count_add(&c.lanes[1].drops[reason], 1);
		assert_non_null(client_drop_name((enum client_drop)reason));
	}
	assert_int_equal(client_done(&c), 12 + CLIENT_DROPS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(round_robin_serves_each_in_turn_across_bursts),
			cmocka_unit_test(a_flow_has_one_client_and_flows_are_spread),
			cmocka_unit_test(ip_options_are_skipped),
			cmocka_unit_test(fragments_count_by_their_addresses),
			cmocka_unit_test(
					what_has_no_flow_hashes_to_zero_and_nothing_is_read_behind_it),
			cmocka_unit_test_setup_teardown(
					a_burst_is_taken_whole_or_refused_for_a_reason, make_ring,
					free_ring),
			cmocka_unit_test(what_a_client_did_is_what_it_sent_and_dropped),
	};

	return cmocka_run_group_tests_name("dispatch", tests, NULL, NULL);
}
