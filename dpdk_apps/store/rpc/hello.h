/*
 * What client and server agree on before the first request: the payloads of HELLO, WELCOME and
 * REFUSED (the same in every version) and of RESTARTED.
 *
 * HELLO and WELCOME:  0  u8 lowest version   1  u8 highest version   2  u16 slots
 *   4  u32 bytes of a packet   8  u32 bytes of a request or answer   12  u32 features
 *  16  u32 packets under way
 * REFUSED:  0  u8 lowest version   1  u8 highest version   2  u16 reason   4  u32 what is offered
 * RESTARTED:  0  u64 the server epoch that the client named
 */
#ifndef STORE_HELLO_H
#define STORE_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HELLO_BYTES 20
#define REFUSAL_BYTES 8
#define RESTARTED_BYTES 8
#define HELLO_SLOTS_MAX 64

/* What one side wants (HELLO), or what both do (WELCOME: there both versions are the one). */
struct hello {
	uint32_t most;	    /* bytes of a packet, header included */
	uint32_t value_max; /* bytes of a request or an answer */
	uint32_t features;  /* a bit each; HELLO: what the client cannot do without */
	uint32_t window;    /* packets under way in one direction */
	uint16_t slots;	    /* requests at once; a power of two */
	uint8_t version_min;
	uint8_t version_max;
};
_Static_assert(sizeof(struct hello) == HELLO_BYTES, "no padding: two are compared by their bytes");

enum refusal_reason {
	REFUSAL_NONE,
	REFUSAL_VERSION,  /* no version in common */
	REFUSAL_PACKET,	  /* packets too small; offered: the least */
	REFUSAL_VALUE,	  /* values too large, or too many fragments; offered: the most */
	REFUSAL_FEATURES, /* offered: the server's features */
	REFUSAL_SLOTS,	  /* no power of two or no slot at all; offered: the most */
	REFUSAL_WINDOW,	  /* no packet under way; offered: the server's window */
	REFUSAL_REASONS,  /* number of values */
};

struct refusal {
	uint32_t offered;
	uint16_t reason; /* enum refusal_reason, or what a newer server says */
	uint8_t version_min;
	uint8_t version_max;
};

void hello_write(uint8_t to[HELLO_BYTES], const struct hello *h);
void hello_read(struct hello *h, const uint8_t from[HELLO_BYTES]);
void refusal_write(uint8_t to[REFUSAL_BYTES], const struct refusal *r);
void refusal_read(struct refusal *r, const uint8_t from[REFUSAL_BYTES]);

/* What a server that can do `ours` and a client that wants `theirs` do: true with it in `both`, or
 * false with the reason in `r`. */
bool hello_agree(struct hello *both, struct refusal *r, const struct hello *ours,
		const struct hello *theirs);

/* One line about a refusal, for both sides. */
void refusal_text(const struct refusal *r, const struct hello *wanted, char *text, size_t size);

#endif
