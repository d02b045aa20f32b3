"""CRC32C over the bytes of what the programs send; their side of it is `dpdk_apps/common/crc32c.c`."""

from __future__ import annotations

from functools import cache


def crc32c(data: bytes) -> int:
    """CRC32C (Castagnoli) as in RFC 3720.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    table = _crc_table()
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


@cache
def _crc_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        crc = value
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return tuple(table)
