#include "crc32c.h"

#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
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
__attribute__((target("sse4.2"))) static uint32_t
crc32c_by_instruction(uint32_t crc, const uint8_t *bytes, size_t n)
{
	uint64_t state = (uint32_t)~crc;

	for (; n >= 8; n -= 8, bytes += 8) {
		uint64_t word;

		memcpy(&word, bytes, sizeof(word));
		state = _mm_crc32_u64(state, word);
	}
	for (; n > 0; n--, bytes++)
		state = _mm_crc32_u8((uint32_t)state, *bytes);
	return ~(uint32_t)state;
}
#endif

uint32_t
crc32c(uint32_t crc, const uint8_t *bytes, size_t n)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("sse4.2"))
		return crc32c_by_instruction(crc, bytes, n);
#endif
	return crc32c_by_table(crc, bytes, n);
}
