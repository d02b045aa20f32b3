/* Whatever comes to a server of the store: packets of any content, in any order. */
#include "server.h"
#include "store_feed.h"

/* Reads all of the request and fills as much of the answer as its first bytes ask for, or too much.
 */
static size_t
run(void *self, uint64_t client, const uint8_t *in, size_t n, uint8_t *out, size_t room)
{
	size_t answer = n >= 2 ? wire_get_be16(in) : 0;
	uint32_t *sum = self;

	if (client == 0 || n > FEED_VALUE)
		abort();
	*sum = crc32c(*sum, in, n);
	memset(out, 0x5a, answer < room ? answer : room);
	return answer;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t sum = 0;
	struct feed feed = {.carrier = {.calls = &feed_calls, .most = FEED_MOST, .window = 16}};
	const struct rpc_server_config config = {
			.carrier = &feed.carrier,
			.epoch = FEED_SERVER,
			.offered = {.slots = 8, .value_max = FEED_VALUE},
			.sessions = 3,
			.bytes = 3 * 8 * 2 * FEED_VALUE,
			.session_age = 1 << 24,
			.request_age = 1 << 20,
			.settle = 1 << 10,
			.run = run,
			.self = &sum,
	};
	struct rpc_server *server = rpc_server_create(&config);

	if (server == NULL)
		abort();
	while (feed_next(&feed, &data, &size, rpc_server_take, server))
		(void)rpc_server_poll(server, feed.now);
	if (rpc_server_sessions(server) > config.sessions)
		abort();
	rpc_server_close(server);
	rpc_server_destroy(server);
	return 0;
}
