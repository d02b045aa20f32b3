"""Records as they cross the wire in the scenario `message`, and the struct in them: docs/message-format.md.

The C side is `dpdk_apps/message/record.c` and `payload.c`; both are tested with the same golden bytes. Everything here
is a pure function of bytes.
"""

from __future__ import annotations

import struct
from dataclasses import asdict, dataclass, fields

from orchestrator.apps.crc32c import crc32c

MAGIC = 0x444D
VERSION = 1
BYTES, STRUCT, LARGE = 1, 2, 3
_HEADER = struct.Struct(">HBBHHII")
_FRAGMENT = struct.Struct(">IIHH")
_READING = struct.Struct(">HBBIQqd16s")
READING_BYTES = _READING.size
_CRC_AT = 12
_FRAME_HEADER_BYTES = 42
_UDP_PORT_OFFSET = 34


class WireError(Exception):
    """Bytes that are no record; the text says why."""


@dataclass(frozen=True)
class WireRecord:
    """One message, or one fragment of one. `tag` is the run's, folded to 16 bits."""

    type: int
    tag: int
    seq: int
    total: int
    offset: int
    index: int
    count: int
    body: bytes


@dataclass(frozen=True)
class Reading:
    """The struct that messages of payload=struct and large begin with."""

    version: int
    kind: int
    flags: int
    source: int
    count: int
    delta: int
    level: float
    name: bytes


def decode(data: bytes) -> tuple[WireRecord, bytes]:
    """(the record at the beginning of `data`, what follows it). Raises WireError."""
    if len(data) < _HEADER.size:
        raise WireError(f"{len(data)} bytes, a header has {_HEADER.size}")
    magic, version, kind, length, tag, seq, crc = _HEADER.unpack_from(data)
    if magic != MAGIC:
        raise WireError(f"magic {magic:04x} instead of {MAGIC:04x}")
    if version != VERSION:
        raise WireError(f"version {version}, this reads version {VERSION}")
    if kind not in {BYTES, STRUCT, LARGE}:
        raise WireError(f"type {kind} is not known")
    begin = _HEADER.size + (_FRAGMENT.size if kind == LARGE else 0)
    end = begin + length
    if len(data) < end:
        raise WireError(f"{len(data)} bytes, the record has {end}")
    if crc32c(data[:_CRC_AT] + data[_CRC_AT + 4 : end]) != crc:
        raise WireError("the CRC is wrong")
    total, offset, index, count = _FRAGMENT.unpack_from(data, _HEADER.size) if kind == LARGE else (length, 0, 0, 1)
    return WireRecord(kind, tag, seq, total, offset, index, count, bytes(data[begin:end])), bytes(data[end:])


def encode(record: WireRecord) -> bytes:
    """The bytes of a record."""
    head = _HEADER.pack(MAGIC, VERSION, record.type, len(record.body), record.tag, record.seq, 0)[:_CRC_AT]
    rest = record.body
    if record.type == LARGE:
        rest = _FRAGMENT.pack(record.total, record.offset, record.index, record.count) + rest
    return head + crc32c(head + rest).to_bytes(4, "big") + rest


def decode_reading(body: bytes) -> Reading:
    """The struct at the beginning of a body. Raises WireError where there are too few bytes."""
    if len(body) < READING_BYTES:
        raise WireError(f"{len(body)} bytes, the struct has {READING_BYTES}")
    return Reading(*_READING.unpack_from(body))


def encode_reading(reading: Reading) -> bytes:
    """The bytes of a struct."""
    return _READING.pack(*asdict(reading).values())


def reading_of(kind: int, seq: int, tag: int) -> Reading:
    """What message `seq` of run `tag` (32 bits) says."""
    return Reading(
        version=1,
        kind=kind,
        flags=seq & 0xFF,
        source=tag,
        count=_mix64(tag << 32 | seq),
        delta=-1 - seq * 1000003,
        level=seq / 8 - 1e6,
        name=f"message {seq:08x}".encode(),
    )


def fold_tag(tag: int) -> int:
    """What a run tag of 32 bits is on the wire."""
    return (tag ^ tag >> 16) & 0xFFFF


def differences(sent: WireRecord, received: WireRecord) -> list[str]:
    """Every field in which two records differ, those of the struct in them by their names."""
    found = [
        f"{field.name} is {getattr(received, field.name)}, sent as {getattr(sent, field.name)}"
        for field in fields(WireRecord)
        if field.name != "body" and getattr(sent, field.name) != getattr(received, field.name)
    ]
    if sent.body == received.body:
        return found
    has_reading = all(r.type != BYTES and r.index == 0 and len(r.body) >= READING_BYTES for r in (sent, received))
    named = []
    if has_reading:
        was, came = decode_reading(sent.body), decode_reading(received.body)
        named = [
            f"{name} is {value!r}, sent as {getattr(was, name)!r}"
            for name, value in asdict(came).items()
            # By their bytes: a NaN differs from itself.
            if repr(value) != repr(getattr(was, name))
        ]
    return found + (named or ["the bytes of the body differ"])


def records_of_frame(frame: bytes) -> bytes:
    """The UDP payload of an Ethernet frame, by its lengths: padding is left away. Raises WireError."""
    if len(frame) < _FRAME_HEADER_BYTES or frame[12:14] != b"\x08\x00" or frame[14] != 0x45 or frame[23] != 17:
        raise WireError("no IPv4/UDP frame")
    udp_bytes = int.from_bytes(frame[_UDP_PORT_OFFSET + 4 : _UDP_PORT_OFFSET + 6], "big")
    end = _UDP_PORT_OFFSET + udp_bytes
    if udp_bytes < 8 or len(frame) < end:
        raise WireError(f"a UDP length of {udp_bytes} in a frame of {len(frame)} bytes")
    return frame[_FRAME_HEADER_BYTES:end]


def _mix64(x: int) -> int:
    """The finaliser of splitmix64 (Steele, Lea, Flood 2014)."""
    mask = (1 << 64) - 1
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & mask
    x = (x ^ x >> 27) * 0x94D049BB133111EB & mask
    return x ^ x >> 31
