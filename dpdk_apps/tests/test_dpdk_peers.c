/* The table of those that frames come from: bounded, and no number means two of them. */
#include "unit.h"

#include "dpdk_peers.h"

#define OWN_IP FRAME_IP(198, 19, 0, 1)
#define OWN_UDP 7100

static const struct rte_ether_addr own = {{0x02, 0, 0, 0, 0, 0x01}};

static struct dpdk_peers *
begin(void)
{
	struct dpdk_peers *p = malloc(sizeof(*p));

	assert_non_null(p);
	dpdk_peers_begin(p, OWN_IP, OWN_UDP);
	return p;
}

static struct dpdk_address
address(uint16_t port, uint32_t host, uint16_t udp)
{
	return (struct dpdk_address){
			.mac = {{0x02, 0, 0, 1, (uint8_t)(host >> 8), (uint8_t)host}},
			.port = port,
			.ip = FRAME_IP(198, 19, 1, 0) + host,
			.udp = udp,
	};
}

/* A frame of a peer, as it would come. */
static void
frame_from(uint8_t *frame, struct dpdk_peer *peer)
{
	frame_path_write(frame, &peer->in, 64);
}

static void
one_is_found_by_all_of_its_address(void **state)
{
	struct dpdk_peers *p = begin();
	struct dpdk_address a = address(0, 7, 49152);
	struct dpdk_address others[] = {address(1, 7, 49152), address(0, 8, 49152),
			address(0, 7, 49153), address(0, 7, 49152)};
	struct dpdk_peer *peer;

	(void)state;
	others[3].mac.addr_bytes[5] ^= 1;
	assert_null(dpdk_peers_find(p, &a));
	peer = dpdk_peers_add(p, &a, &own, 1);
	assert_int_not_equal(peer->number, DPDK_PEERS_NONE);
	assert_ptr_equal(dpdk_peers_find(p, &a), peer);
	assert_ptr_equal(dpdk_peers_numbered(p, peer->number), peer);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_null(dpdk_peers_find(p, &others[i]));
	free(p);
}

/* The silent one goes, and its number leads nowhere from then on. */
static void
a_full_table_makes_room_for_the_next(void **state)
{
	struct dpdk_peers *p = begin();
	uint32_t numbers[DPDK_PEERS_MAX];
	struct dpdk_address late = address(0, 999, 49152);
	struct dpdk_peer *peer;

	(void)state;
	for (uint32_t i = 0; i < DPDK_PEERS_MAX; i++) {
		struct dpdk_address a = address(0, i, 49152);

		numbers[i] = dpdk_peers_add(p, &a, &own, 100 + i)->number;
	}
	dpdk_peers_numbered(p, numbers[0])->heard = 1000;
	peer = dpdk_peers_add(p, &late, &own, 1001);
	assert_int_equal(p->recycled, 1);
	assert_null(dpdk_peers_numbered(p, numbers[1]));
	assert_non_null(dpdk_peers_numbered(p, numbers[0]));
	for (uint32_t i = 0; i < DPDK_PEERS_MAX; i++)
		assert_int_not_equal(peer->number, numbers[i]);
	free(p);
}

/* Looked at first are those that came last; a frame with one bit changed is nobody's. */
static void
frames_of_one_that_is_known_are_recognised(void **state)
{
	struct dpdk_peers *p = begin();
	struct dpdk_address a = address(0, 7, 49152);
	struct dpdk_peer *peer = dpdk_peers_add(p, &a, &own, 1);
	uint8_t frame[FRAME_HEADER_BYTES + 64] = {0};
	uint16_t payload_bytes = 0;

	(void)state;
	frame_from(frame, peer);
	dpdk_peers_remember(p, peer, frame);
	assert_ptr_equal(dpdk_peers_guess(p, 0, frame, sizeof(frame), &payload_bytes), peer);
	assert_int_equal(payload_bytes, 64);
	assert_null(dpdk_peers_guess(p, 1, frame, sizeof(frame), &payload_bytes));
	assert_null(dpdk_peers_guess(p, 0, frame, FRAME_HEADER_BYTES - 1, &payload_bytes));
	frame[0] ^= 1;
	assert_null(dpdk_peers_guess(p, 0, frame, sizeof(frame), &payload_bytes));
	free(p);
}

static void
one_that_moves_keeps_its_number_and_those_of_a_lost_link_go(void **state)
{
	static const struct rte_ether_addr elsewhere = {{0x02, 0, 0, 0, 0, 0x77}};
	struct dpdk_peers *p = begin();
	struct dpdk_address a = address(0, 7, 49152), b = address(1, 8, 49152);
	struct dpdk_peer *first = dpdk_peers_add(p, &a, &own, 1);
	struct dpdk_peer *second = dpdk_peers_add(p, &b, &own, 1);
	uint32_t number = first->number;

	(void)state;
	dpdk_peers_move(p, first, &elsewhere, &own);
	assert_int_equal(first->number, number);
	assert_null(dpdk_peers_find(p, &a));
	assert_memory_equal(first->out.header, &elsewhere, sizeof(elsewhere));
	dpdk_peers_forget(p, 0);
	assert_null(dpdk_peers_numbered(p, number));
	assert_ptr_equal(dpdk_peers_numbered(p, second->number), second);
	free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(one_is_found_by_all_of_its_address),
			cmocka_unit_test(a_full_table_makes_room_for_the_next),
			cmocka_unit_test(frames_of_one_that_is_known_are_recognised),
			cmocka_unit_test(
					one_that_moves_keeps_its_number_and_those_of_a_lost_link_go),
	};

	return cmocka_run_group_tests_name("dpdk_peers", tests, NULL, NULL);
}
