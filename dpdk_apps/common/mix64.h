/* The finaliser of splitmix64 (Steele, Lea, Flood 2014): a bijection in which every input bit moves
 * about half of the output. Contents that follow from a number are made by it. */
#ifndef COMMON_MIX64_H
#define COMMON_MIX64_H

#include <stdint.h>

/* An odd number whose multiples are spread evenly: 2^64 divided by the golden ratio. */
#define MIX64_STEP 0x9e3779b97f4a7c15u

static inline uint64_t
mix64(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

#endif
