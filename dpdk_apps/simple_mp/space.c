#include "space.h"

#include <inttypes.h>
#include <poll.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>

#include "lifecycle.h"

#define DOWN_NAME "simple_mp_down"
#define UP_NAME "simple_mp_up"
#define POOL_NAME "simple_mp_pool"
#define MAGIC UINT64_C(0x706d5f656c706d73)
/* What the primary keeps for itself; the mempool lets it grow to half as much again. */
#define CACHE 128
/* How long an end of a ring may take to come to rest before somebody is taken to have died in it.
 */
#define REST_TRIES 1000
#define PLACE "--proc-id"

_Static_assert(sizeof(struct reply) == 16, "DPDK copies elements of 16 bytes in one piece");
_Static_assert(1u << REPLY_PLACE_BITS == ROSTER_PLACES, "every place fits beside an address");
_Static_assert(1u << REPLY_PLACE_BITS <= RTE_CACHE_LINE_SIZE, "objects lie on cache lines");

const char *const ring_mode_names[RING_MODES + 1] = {"mp_mc", "sp_sc", "rts", "hts", NULL};

static unsigned int
ring_flags(enum ring_mode mode)
{
	static const unsigned int flags[RING_MODES] = {
			[RING_MP_MC] = 0,
			[RING_SP_SC] = RING_F_SP_ENQ | RING_F_SC_DEQ,
			[RING_RTS] = RING_F_MP_RTS_ENQ | RING_F_MC_RTS_DEQ,
			[RING_HTS] = RING_F_MP_HTS_ENQ | RING_F_MC_HTS_DEQ,
	};

	return flags[mode];
}

const char *
space_mode_name(const struct space *s)
{
	switch (rte_ring_get_prod_sync_type(s->down)) {
	case RTE_RING_SYNC_ST:
		return ring_mode_names[RING_SP_SC];
	case RTE_RING_SYNC_MT_RTS:
		return ring_mode_names[RING_RTS];
	case RTE_RING_SYNC_MT_HTS:
		return ring_mode_names[RING_HTS];
	default:
		return ring_mode_names[RING_MP_MC];
	}
}

const char *
space_prefix(void)
{
	const char *folder = rte_eal_get_runtime_dir();
	const char *slash = strrchr(folder, '/');

	return slash != NULL ? slash + 1 : folder;
}

int
space_create(struct space *s, enum ring_mode mode, uint32_t secondaries, uint32_t size,
		uint32_t tag)
{
	int socket = (int)rte_socket_id();

	s->down = rte_ring_create(DOWN_NAME, SPACE_OBJECTS + 1, socket, ring_flags(mode));
	s->up = rte_ring_create_elem(
			UP_NAME, sizeof(struct reply), SPACE_OBJECTS + 1, socket, ring_flags(mode));
	s->pool = rte_mempool_create(POOL_NAME, SPACE_OBJECTS, sizeof(struct object), CACHE,
			sizeof(struct space_record), NULL, NULL, NULL, NULL, socket, 0);
	if (s->down == NULL || s->up == NULL || s->pool == NULL) {
		complain("no memory for the rings and %d messages (about 8 MiB of huge pages): %s; "
			 "add huge pages (invoke setup-hugepages)",
				SPACE_OBJECTS, rte_strerror(rte_errno));
		return -1;
	}
	s->record = rte_mempool_get_priv(s->pool);
	memset(s->record, 0, sizeof(*s->record));
	s->record->version = SPACE_VERSION;
	s->record->secondaries = secondaries;
	s->record->size = size;
	s->record->tag = tag;
	return roster_claim(&s->record->roster, 0, rte_lcore_id(), PLACE) ? 0 : -1;
}

void
space_open(struct space *s)
{
	__atomic_store_n(&s->record->magic, MAGIC, __ATOMIC_RELEASE);
}

static int
find(struct space *s)
{
	s->pool = rte_mempool_lookup(POOL_NAME);
	s->down = rte_ring_lookup(DOWN_NAME);
	s->up = rte_ring_lookup(UP_NAME);
	if (s->pool == NULL || s->down == NULL || s->up == NULL) {
		complain("the primary with --file-prefix %s is no simple_mp, or has not made its "
			 "rings yet: wait for its @ready line, and give this secondary the "
			 "--file-prefix of the primary that it belongs to",
				space_prefix());
		return EXIT_WRONG_USE;
	}
	s->record = rte_mempool_get_priv(s->pool);
	if (__atomic_load_n(&s->record->magic, __ATOMIC_ACQUIRE) != MAGIC) {
		complain("the primary with --file-prefix %s is not ready: wait for its @ready line",
				space_prefix());
		return EXIT_WRONG_USE;
	}
	if (s->record->version == SPACE_VERSION)
		return EXIT_DONE;
	complain("the primary with --file-prefix %s has version %" PRIu32
		 " of the shared memory, this program knows %d: start both from one build",
			space_prefix(), s->record->version, SPACE_VERSION);
	return EXIT_WRONG_USE;
}

static struct ring_end
end_of(const struct rte_ring *r, bool taking)
{
	/* In every mode but rts head and tail lie where those of mp_mc do. */
	const struct rte_ring_headtail *plain = taking ? &r->cons : &r->prod;
	const struct rte_ring_rts_headtail *rts = taking ? &r->rts_cons : &r->rts_prod;

	if (plain->sync_type == RTE_RING_SYNC_MT_RTS)
		return (struct ring_end){.head = rts->head.val.pos, .tail = rts->tail.val.pos};
	return (struct ring_end){.head = plain->head, .tail = plain->tail};
}

struct ring_end
space_taking_end(const struct space *s)
{
	return end_of(s->down, true);
}

struct ring_end
space_giving_end(const struct space *s)
{
	return end_of(s->up, false);
}

/*
 * Whether both ends come to rest. Where the one that had the place before died within an operation
 * they never do, and in mode sp_sc whoever goes on would hand out what was never written.
 */
static bool
comes_to_rest(const struct space *s)
{
	bool taking = false;
	bool giving = false;

	for (int i = 0; i < REST_TRIES && !(taking && giving); i++) {
		struct ring_end take = space_taking_end(s);
		struct ring_end give = space_giving_end(s);

		taking = taking || take.head == take.tail;
		giving = giving || give.head == give.tail;
		if (!(taking && giving))
			(void)poll(NULL, 0, 1); /* others are at work: they get the CPU */
	}
	return taking && giving;
}

int
space_join(struct space *s, uint16_t id, unsigned int lcore)
{
	int code = find(s);
	bool after_a_dead_one;

	if (code != EXIT_DONE)
		return code;
	if (id > s->record->secondaries) {
		complain("--proc-id %u, but the primary was started with --secondaries %" PRIu32
			 ": ids go from 1 to that",
				id, s->record->secondaries);
		return EXIT_WRONG_USE;
	}
	after_a_dead_one = roster_died(&s->record->roster, id);
	if (after_a_dead_one && !comes_to_rest(s)) {
		complain("the process that was --proc-id %u before died within an operation on a "
			 "ring, which is stuck: restart the primary and all secondaries",
				id);
		return EXIT_FAILED;
	}
	if (!roster_claim(&s->record->roster, id, lcore, PLACE))
		return EXIT_WRONG_USE;
	if (after_a_dead_one)
		__atomic_fetch_add(&s->record->taken_over[id], 1, __ATOMIC_RELEASE);
	return EXIT_DONE;
}
