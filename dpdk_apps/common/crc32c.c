#include "crc32c.h"

#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#include <wmmintrin.h>
#endif

#define POLYNOMIAL_REFLECTED 0x82f63b78u

/* One bit of the division. */
static inline uint32_t
step(uint32_t crc)
{
	return (crc >> 1) ^ (POLYNOMIAL_REFLECTED & (0u - (crc & 1)));
}

uint32_t
crc32c_by_table(uint32_t crc, const uint8_t *bytes, size_t n)
{
	/* Four bits at a time: a table of 16 words that is made on the way and stays in the cache.
	 */
	uint32_t table[16];

	for (uint32_t i = 0; i < 16; i++)
		table[i] = step(step(step(step(i))));
	crc = ~crc;
	for (size_t i = 0; i < n; i++) {
		crc ^= bytes[i];
		crc = (crc >> 4) ^ table[crc & 15];
		crc = (crc >> 4) ^ table[crc & 15];
	}
	return ~crc;
}

#if defined(__x86_64__)
/*
 * The instruction takes three cycles, but one can be begun in each: three parts of a block are
 * divided side by side and joined then. A part is moved past the ones behind it by x^(8 bytes)
 * mod P; the carry-less product of reflected numbers is one bit short, and the instruction that
 * reduces it multiplies by x^32, so the constants are x^(8 bytes - 33) mod P.
 */
#define PART 128
#define PAST_ONE_PART 0x0d3b6092u
#define PAST_TWO_PARTS 0xb9e02b86u

static inline uint64_t
word_at(const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

__attribute__((target("sse4.2,pclmul"))) static inline uint32_t
moved(uint64_t crc, uint32_t past)
{
	__m128i product = _mm_clmulepi64_si128(
			_mm_cvtsi64_si128((int64_t)crc), _mm_cvtsi64_si128((int64_t)past), 0);

	return (uint32_t)_mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(product));
}

/* The remainder after a block of three parts. */
__attribute__((target("sse4.2,pclmul"))) static inline uint64_t
three_parts(uint64_t first, const uint8_t *bytes)
{
	uint64_t second = 0, third = 0;

	for (size_t i = 0; i < PART; i += 8) {
		first = _mm_crc32_u64(first, word_at(bytes + i));
		second = _mm_crc32_u64(second, word_at(bytes + PART + i));
		third = _mm_crc32_u64(third, word_at(bytes + 2 * PART + i));
	}
	return moved(first, PAST_TWO_PARTS) ^ moved(second, PAST_ONE_PART) ^ third;
}

/* What is in `state` after these bytes too. */
__attribute__((target("sse4.2,pclmul"), always_inline)) static inline uint64_t
state_after(uint64_t state, const uint8_t *bytes, size_t n)
{
	for (; n >= 3 * PART; n -= 3 * PART, bytes += 3 * PART)
		state = three_parts(state, bytes);
	/* A header and a small payload: what a round of the loop costs beside the instruction
	 * counts. */
	for (; n >= 32; n -= 32, bytes += 32) {
		state = _mm_crc32_u64(state, word_at(bytes));
		state = _mm_crc32_u64(state, word_at(bytes + 8));
		state = _mm_crc32_u64(state, word_at(bytes + 16));
		state = _mm_crc32_u64(state, word_at(bytes + 24));
	}
	for (; n >= 8; n -= 8, bytes += 8)
		state = _mm_crc32_u64(state, word_at(bytes));
	if (n >= 4) {
		uint32_t half;

		memcpy(&half, bytes, sizeof(half));
		state = _mm_crc32_u32((uint32_t)state, half);
		n -= 4;
		bytes += 4;
	}
	for (; n > 0; n--, bytes++)
		state = _mm_crc32_u8((uint32_t)state, *bytes);
	return state;
}

__attribute__((target("sse4.2,pclmul"))) static uint32_t
crc32c_by_instruction(uint32_t crc, const uint8_t *bytes, size_t n)
{
	return ~(uint32_t)state_after((uint32_t)~crc, bytes, n);
}

__attribute__((target("sse4.2,pclmul"))) static uint32_t
headed_by_instruction(const uint8_t *head, const uint8_t *rest, size_t n)
{
	return ~(uint32_t)state_after(state_after(UINT32_MAX, head, CRC32C_HEAD_BYTES), rest, n);
}
#endif

uint32_t
crc32c(uint32_t crc, const uint8_t *bytes, size_t n)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul"))
		return crc32c_by_instruction(crc, bytes, n);
#endif
	return crc32c_by_table(crc, bytes, n);
}

uint32_t
crc32c_headed(const uint8_t head[CRC32C_HEAD_BYTES], const uint8_t *rest, size_t n)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul"))
		return headed_by_instruction(head, rest, n);
#endif
	return crc32c_by_table(crc32c_by_table(0, head, CRC32C_HEAD_BYTES), rest, n);
}
