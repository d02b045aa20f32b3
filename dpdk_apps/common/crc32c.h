/*
 * CRC32C (Castagnoli): polynomial 0x1edc6f41, reflected, initial value and final
 * xor all ones, as in RFC 3720 (iSCSI). By the CPU's instruction where it has one.
 */
#ifndef COMMON_CRC32C_H
#define COMMON_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Goes on from `crc`, which is 0 at first or what an earlier call gave. */
uint32_t crc32c(uint32_t crc, const uint8_t *bytes, size_t n);

/* Of a packet's header before its CRC, and of what follows both: crc32c() of `head`, and from there
 * of `rest`, in one call of fewer instructions. */
#define CRC32C_HEAD_BYTES 52
uint32_t crc32c_headed(const uint8_t head[CRC32C_HEAD_BYTES], const uint8_t *rest, size_t n);

/* The same as crc32c() without the instruction: for machines without it, and to test it by. */
uint32_t crc32c_by_table(uint32_t crc, const uint8_t *bytes, size_t n);

#endif
