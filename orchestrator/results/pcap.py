"""Packets from a capture file in classic pcap format (draft-ietf-opsawg-pcap), without a library."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import OrchestratorError

ETHERNET = 1
USER0 = 147
"""A link type of the user's own: here, records without frames, as they cross TCP."""
_FILE_BYTES = 24
_PACKET_BYTES = 16
_NS_PER_TICK = {0xA1B2C3D4: 1000, 0xA1B23C4D: 1}


class CaptureError(OrchestratorError):
    """A capture file that cannot be read; the message names the file."""


@dataclass(frozen=True)
class Capture:
    """`packets` are (ns since 1970, bytes)."""

    link: int
    packets: tuple[tuple[int, bytes], ...]


def read_pcap(path: Path) -> Capture:
    """Read a whole file, in either byte order, with micro- or nanoseconds. Raises CaptureError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CaptureError(f"{path}: {error.strerror}") from error
    if len(data) < _FILE_BYTES:
        raise CaptureError(f"{path}: {len(data)} bytes are no capture file")
    for order in ("<", ">"):
        (magic,) = struct.unpack_from(f"{order}I", data)
        if magic in _NS_PER_TICK:
            return _read(path, data, order, _NS_PER_TICK[magic])
    raise CaptureError(f"{path}: no pcap file, it begins with {data[:4].hex()}")


def _read(path: Path, data: bytes, order: str, ns_per_tick: int) -> Capture:
    (link,) = struct.unpack_from(f"{order}I", data, 20)
    packets: list[tuple[int, bytes]] = []
    at = _FILE_BYTES
    while at < len(data):
        if len(data) - at < _PACKET_BYTES:
            raise CaptureError(f"{path}: ends within a header, after {len(packets)} packets")
        seconds, ticks, captured, _original = struct.unpack_from(f"{order}IIII", data, at)
        at += _PACKET_BYTES
        if len(data) - at < captured:
            raise CaptureError(f"{path}: ends within packet {len(packets)}")
        packets.append((seconds * 1_000_000_000 + ticks * ns_per_tick, data[at : at + captured]))
        at += captured
    return Capture(link, tuple(packets))
