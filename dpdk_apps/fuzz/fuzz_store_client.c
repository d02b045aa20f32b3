/* Whatever comes to a client of the store: a server, or whoever says that he is one. */
#include "client.h"
#include "store_feed.h"

struct user {
	uint64_t sent;
	uint64_t ended;
	uint32_t sum;
};

static void
done(void *self, uint64_t token, enum rpc_outcome outcome, const uint8_t *answer, uint32_t bytes)
{
	struct user *u = self;

	if (token >= u->sent || outcome >= RPC_OUTCOMES)
		abort();
	if (outcome == RPC_ANSWERED)
		u->sum = crc32c(u->sum, answer, bytes);
	u->ended++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t request[FEED_VALUE];
	struct user user = {.sent = 0};
	struct feed feed = {.carrier = {.calls = &feed_calls, .most = FEED_MOST, .window = 16},
			.session = 0x101};
	const struct rpc_client_config config = {
			.carrier = &feed.carrier,
			.peer = FEED_PEER,
			.epoch = FEED_CLIENT,
			.wanted = {.slots = 8, .value_max = FEED_VALUE},
			.rto_first = 100,
			.rto_floor = 100,
			.rto_ceiling = 10000,
			.deadline = 1 << 20,
			.heartbeat = 1 << 16,
			.done = done,
			.self = &user,
	};
	struct rpc_client *client = rpc_client_create(&config, 0);

	if (client == NULL)
		abort();
	(void)rpc_client_poll(client, feed.now);
	while (feed_next(&feed, &data, &size, rpc_client_take, client)) {
		(void)rpc_client_poll(client, feed.now);
		/* A small one and a large one in turn, as long as there is a slot. */
		user.sent++;
		if (rpc_client_send(client, user.sent - 1, request,
				    user.sent % 2 == 0 ? FEED_VALUE : 64, feed.now) != 0)
			user.ended++;
	}
	rpc_client_close(client, feed.now);
	/* Each ends exactly once. */
	if (user.ended != user.sent)
		abort();
	rpc_client_destroy(client);
	return 0;
}
