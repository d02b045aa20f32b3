import random
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.apps.store_packet import (
    HEADER_BYTES,
    Hello,
    Packet,
    PacketError,
    PacketType,
    Refusal,
    decode,
    decode_hello,
    decode_refusal,
    encode,
    encode_hello,
    encode_refusal,
)

# The same file is read by dpdk_apps/tests/test_store_packet.c.
GOLDEN = Path(__file__).parents[3] / "dpdk_apps/tests/golden/store_packets.txt"
CLIENT, SERVER = 0x0102030405060708, 0xF1F2F3F4F5F6F7F8
WANTED = Hello(version_min=1, version_max=1, slots=32, most=1472, value_max=1052672, features=0x80000001, window=64)
BASE = Packet(0, client_epoch=CLIENT, server_epoch=SERVER, id=0x1112131415161718, session=0x21222324)
PACKETS = {
    "hello": replace(BASE, type=PacketType.HELLO, server_epoch=0, session=0, payload=encode_hello(WANTED)),
    "welcome": replace(BASE, type=PacketType.WELCOME, payload=encode_hello(replace(WANTED, slots=16))),
    "request": replace(BASE, type=PacketType.REQUEST, total=5, count=1, payload=b"\x00\xff\x7f\x80\x0a"),
    "answer": replace(BASE, type=PacketType.ANSWER, total=100, offset=96, index=2, count=3, flags=2, payload=b"tail"),
    "ask": replace(BASE, type=PacketType.ASK, count=11, flags=1, payload=b"\xfe\x05"),
    "have": replace(BASE, type=PacketType.HAVE, count=0),
    "busy": replace(BASE, type=PacketType.BUSY),
    "restarted": replace(BASE, type=PacketType.RESTARTED, payload=CLIENT.to_bytes(8, "big")),
    "refused": replace(BASE, type=PacketType.REFUSED, payload=encode_refusal(Refusal(1, 3, 3, 65536))),
    "bye": replace(BASE, type=PacketType.BYE),
}


def golden() -> dict[str, bytes]:
    lines = [line.split() for line in GOLDEN.read_text(encoding="ascii").splitlines() if not line.startswith("#")]
    return {name: bytes.fromhex(digits) for name, digits in lines}


def test_every_type_has_its_golden_bytes():
    assert {packet.type for packet in PACKETS.values()} == set(PacketType)
    assert {name: encode(packet) for name, packet in PACKETS.items()} == golden()


def test_golden_bytes_are_read():
    assert {name: decode(data) for name, data in golden().items()} == PACKETS
    assert decode_hello(decode(golden()["hello"]).payload) == WANTED
    assert decode_refusal(decode(golden()["refused"]).payload) == Refusal(1, 3, 3, 65536)


@pytest.mark.parametrize("name", PACKETS)
def test_every_flipped_bit_is_found(name):
    data = golden()[name]
    for bit in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(PacketError):
            decode(bytes(damaged))


@pytest.mark.parametrize(
    ("reason", "packet"),
    [
        ("version", replace(PACKETS["bye"], version=2)),
        ("type", replace(PACKETS["bye"], type=11)),
        ("payload", replace(PACKETS["bye"], payload=b"x")),
        ("payload", replace(PACKETS["ask"], count=17)),
        ("fragment", replace(PACKETS["request"], total=6)),
        ("fragment", replace(PACKETS["request"], count=0)),
        ("fragment", replace(PACKETS["answer"], index=3)),
        ("fragment", replace(PACKETS["answer"], offset=95)),
        ("fragment", replace(PACKETS["answer"], count=2049, index=2048)),
    ],
)
def test_each_reason_is_told(reason, packet):
    with pytest.raises(PacketError, match=f"^{reason}: "):
        decode(encode(packet))


def test_a_refusal_of_another_version_is_read():
    assert decode(encode(replace(PACKETS["refused"], version=9))).version == 9


def test_noise_is_no_packet():
    noise = random.Random(1)  # noqa: S311 - noise, not a key
    for length in range(HEADER_BYTES + 20):
        with pytest.raises(PacketError, match=r"^(short|foreign): "):
            decode(noise.randbytes(length))
