/*
 * Numbers in a fixed byte order at any address: what goes over a wire is written
 * and read by these, never by casting a struct onto it (alignment, padding and the
 * host's byte order would leak into the format).
 */
#ifndef COMMON_WIRE_H
#define COMMON_WIRE_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

/* clang-format off */
#define WIRE_NUMBER(bits, order, to_wire, from_wire)                                     \
	static inline void wire_put_##order##bits(uint8_t *to, uint##bits##_t value)     \
	{                                                                                \
		value = to_wire(value);                                                  \
		memcpy(to, &value, sizeof(value));                                       \
	}                                                                                \
	static inline uint##bits##_t wire_get_##order##bits(const uint8_t *from)         \
	{                                                                                \
		uint##bits##_t value;                                                    \
                                                                                         \
		memcpy(&value, from, sizeof(value));                                     \
		return from_wire(value);                                                 \
	}
/* clang-format on */

/* wire_put_le32(to, value), wire_get_le32(from), and so on. */
WIRE_NUMBER(16, le, htole16, le16toh)
WIRE_NUMBER(32, le, htole32, le32toh)
WIRE_NUMBER(64, le, htole64, le64toh)
WIRE_NUMBER(16, be, htobe16, be16toh)
WIRE_NUMBER(32, be, htobe32, be32toh)
WIRE_NUMBER(64, be, htobe64, be64toh)

#undef WIRE_NUMBER

#endif
