#include "hello.h"

#include <stdio.h>

#include "packet.h"
#include "wire.h"

void
hello_write(uint8_t to[HELLO_BYTES], const struct hello *h)
{
	to[0] = h->version_min;
	to[1] = h->version_max;
	wire_put_be16(to + 2, h->slots);
	wire_put_be32(to + 4, h->most);
	wire_put_be32(to + 8, h->value_max);
	wire_put_be32(to + 12, h->features);
	wire_put_be32(to + 16, h->window);
}

void
hello_read(struct hello *h, const uint8_t from[HELLO_BYTES])
{
	*h = (struct hello){
			.version_min = from[0],
			.version_max = from[1],
			.slots = wire_get_be16(from + 2),
			.most = wire_get_be32(from + 4),
			.value_max = wire_get_be32(from + 8),
			.features = wire_get_be32(from + 12),
			.window = wire_get_be32(from + 16),
	};
}

void
refusal_write(uint8_t to[REFUSAL_BYTES], const struct refusal *r)
{
	to[0] = r->version_min;
	to[1] = r->version_max;
	wire_put_be16(to + 2, r->reason);
	wire_put_be32(to + 4, r->offered);
}

void
refusal_read(struct refusal *r, const uint8_t from[REFUSAL_BYTES])
{
	*r = (struct refusal){
			.version_min = from[0],
			.version_max = from[1],
			.reason = wire_get_be16(from + 2),
			.offered = wire_get_be32(from + 4),
	};
}

static uint32_t
least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Bytes that can be cut into as many fragments as there may be. */
static uint64_t
value_limit(uint32_t most)
{
	return (uint64_t)(most - PACKET_HEADER_BYTES) * PACKET_FRAGMENTS_MAX;
}

bool
hello_agree(struct hello *both, struct refusal *r, const struct hello *ours,
		const struct hello *theirs)
{
	uint8_t low = ours->version_min > theirs->version_min ? ours->version_min
							      : theirs->version_min;
	uint8_t high = ours->version_max < theirs->version_max ? ours->version_max
							       : theirs->version_max;

	*both = (struct hello){
			.version_min = high,
			.version_max = high,
			.slots = (uint16_t)least(ours->slots, theirs->slots),
			.most = least(ours->most, theirs->most),
			.value_max = theirs->value_max,
			.features = ours->features & theirs->features,
			.window = least(ours->window, theirs->window),
	};
	*r = (struct refusal){.version_min = ours->version_min, .version_max = ours->version_max};
	if (low > high) {
		r->reason = REFUSAL_VERSION;
	} else if (both->most < PACKET_LEAST_MOST) {
		r->reason = REFUSAL_PACKET;
		r->offered = PACKET_LEAST_MOST;
	} else if (theirs->value_max == 0 || theirs->value_max > ours->value_max ||
			theirs->value_max > value_limit(both->most)) {
		r->reason = REFUSAL_VALUE;
		r->offered = (uint32_t)(ours->value_max < value_limit(both->most)
							? ours->value_max
							: value_limit(both->most));
	} else if (both->features != theirs->features) {
		r->reason = REFUSAL_FEATURES;
		r->offered = ours->features;
	} else if (theirs->slots == 0 || theirs->slots > HELLO_SLOTS_MAX ||
			(theirs->slots & (theirs->slots - 1)) != 0) {
		r->reason = REFUSAL_SLOTS;
		r->offered = ours->slots;
	} else if (both->window == 0) {
		r->reason = REFUSAL_WINDOW;
		r->offered = ours->window;
	}
	return r->reason == REFUSAL_NONE;
}

void
refusal_text(const struct refusal *r, const struct hello *wanted, char *text, size_t size)
{
	switch ((enum refusal_reason)r->reason) {
	case REFUSAL_VERSION:
		(void)snprintf(text, size,
				"the client speaks versions %u to %u of the protocol, the server "
				"%u to %u",
				wanted->version_min, wanted->version_max, r->version_min,
				r->version_max);
		return;
	case REFUSAL_PACKET:
		(void)snprintf(text, size, "packets of %u bytes: at least %u are needed",
				wanted->most, r->offered);
		return;
	case REFUSAL_VALUE:
		(void)snprintf(text, size,
				"the client wants values of %u bytes, the server takes at most %u "
				"over "
				"this link",
				wanted->value_max, r->offered);
		return;
	case REFUSAL_FEATURES:
		(void)snprintf(text, size,
				"the client needs features %#x, the server has %#x: build both "
				"from "
				"the same sources",
				wanted->features, r->offered);
		return;
	case REFUSAL_SLOTS:
		(void)snprintf(text, size,
				"the client wants %u slots, which is no power of two from 1 to %u",
				wanted->slots, HELLO_SLOTS_MAX);
		return;
	case REFUSAL_WINDOW:
		(void)snprintf(text, size, "a window of no packet");
		return;
	case REFUSAL_NONE:
	case REFUSAL_REASONS:
		break;
	}
	(void)snprintf(text, size, "reason %u, which only a newer server knows", r->reason);
}
