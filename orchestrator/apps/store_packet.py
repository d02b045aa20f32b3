"""Packets of the store's protocol, docs/store-protocol.md: to read captures by, and to check the C side against.

The C side is `dpdk_apps/store/rpc/packet.c`; both are tested with the same golden bytes. Everything here is a pure
function of bytes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from enum import IntEnum

from orchestrator.apps.crc32c import crc32c

MAGIC = 0x4453
VERSION = 1
FRAGMENTS_MAX = 2048
_HEADER = struct.Struct(">HBBIQQQIIIHHHHI")
_HELLO = struct.Struct(">BBHIIII")
_REFUSAL = struct.Struct(">BBHI")
HEADER_BYTES = _HEADER.size
_CRC_BYTES = 4


class PacketType(IntEnum):
    """What a packet says."""

    HELLO = 1
    WELCOME = 2
    REQUEST = 3
    ANSWER = 4
    ASK = 5
    HAVE = 6
    BUSY = 7
    RESTARTED = 8
    REFUSED = 9
    BYE = 10


class PacketError(Exception):
    """Bytes that are no packet; the text begins with the word by which C counts them."""


@dataclass(frozen=True)
class Packet:
    """One packet. `total`, `offset` in bytes; `type` as on the wire, known (`PacketType`) after `decode`."""

    type: int
    client_epoch: int = 0
    server_epoch: int = 0
    id: int = 0
    session: int = 0
    total: int = 0
    offset: int = 0
    index: int = 0
    count: int = 0
    flags: int = 0
    payload: bytes = b""
    version: int = VERSION


@dataclass(frozen=True)
class Hello:
    """The payload of HELLO and WELCOME: `most`, `value_max` in bytes, `window` in packets."""

    version_min: int
    version_max: int
    slots: int
    most: int
    value_max: int
    features: int
    window: int


@dataclass(frozen=True)
class Refusal:
    """The payload of REFUSED."""

    version_min: int
    version_max: int
    reason: int
    offered: int


def encode(packet: Packet) -> bytes:
    """The bytes of a packet."""
    head = _HEADER.pack(
        MAGIC,
        packet.version,
        packet.type,
        len(packet.payload),
        packet.client_epoch,
        packet.server_epoch,
        packet.id,
        packet.session,
        packet.total,
        packet.offset,
        packet.index,
        packet.count,
        packet.flags,
        0,
        0,
    )[:-_CRC_BYTES]
    return head + crc32c(head + packet.payload).to_bytes(_CRC_BYTES, "big") + packet.payload


def decode(data: bytes) -> Packet:
    """The packet that `data` is, no more and no less. Raises PacketError."""
    if len(data) < HEADER_BYTES:
        raise PacketError(f"short: {len(data)} bytes, a header has {HEADER_BYTES}")
    magic, version, kind, length, *numbers, _, crc = _HEADER.unpack_from(data)
    payload = bytes(data[HEADER_BYTES:])
    if magic != MAGIC:
        raise PacketError(f"foreign: magic {magic:04x} instead of {MAGIC:04x}")
    if length != len(payload):
        raise PacketError(f"length: {len(payload)} bytes of payload, the header tells {length}")
    if crc32c(data[: HEADER_BYTES - _CRC_BYTES] + payload) != crc:
        raise PacketError("corrupt: the CRC is wrong")
    if version != VERSION and kind not in {PacketType.HELLO, PacketType.WELCOME, PacketType.REFUSED}:
        raise PacketError(f"version: {version}, this reads version {VERSION}")
    packet = replace(Packet(kind, *numbers), payload=payload, version=version)
    _check(packet)
    return packet


def encode_hello(hello: Hello) -> bytes:
    """The payload of a HELLO or WELCOME."""
    return _HELLO.pack(*(getattr(hello, name) for name in Hello.__dataclass_fields__))


def decode_hello(payload: bytes) -> Hello:
    """The payload of a packet that `decode` gave as HELLO or WELCOME."""
    return Hello(*_HELLO.unpack(payload))


def encode_refusal(refusal: Refusal) -> bytes:
    """The payload of a REFUSED."""
    return _REFUSAL.pack(refusal.version_min, refusal.version_max, refusal.reason, refusal.offered)


def decode_refusal(payload: bytes) -> Refusal:
    """The payload of a packet that `decode` gave as REFUSED."""
    return Refusal(*_REFUSAL.unpack(payload))


def _check(packet: Packet) -> None:
    sizes = {
        PacketType.HELLO: _HELLO.size,
        PacketType.WELCOME: _HELLO.size,
        PacketType.ASK: (packet.count + 7) // 8,
        PacketType.HAVE: (packet.count + 7) // 8,
        PacketType.RESTARTED: 8,
        PacketType.REFUSED: _REFUSAL.size,
        PacketType.BUSY: 0,
        PacketType.BYE: 0,
    }
    if packet.type in {PacketType.REQUEST, PacketType.ANSWER}:
        if not _is_fragment(packet):
            raise PacketError(
                f"fragment: {len(packet.payload)} bytes at {packet.offset} of {packet.total} "
                f"cannot be number {packet.index} of {packet.count}"
            )
    elif packet.type not in sizes:
        raise PacketError(f"type: {packet.type} is not known")
    elif len(packet.payload) != sizes[PacketType(packet.type)] or packet.count > FRAGMENTS_MAX:
        raise PacketError(f"payload: {len(packet.payload)} bytes in a {PacketType(packet.type).name}")


def _is_fragment(packet: Packet) -> bool:
    length, last = len(packet.payload), packet.count - 1
    if not 0 <= packet.index <= last < FRAGMENTS_MAX:
        return False
    if last == 0:
        return packet.offset == 0 and length == packet.total
    part = length if packet.index < last else packet.offset // last
    return (
        part > 0
        and packet.offset == packet.index * part
        and last * part < packet.total <= packet.count * part
        and length == min(part, packet.total - packet.offset)
    )
