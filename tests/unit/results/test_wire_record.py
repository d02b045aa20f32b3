import random
import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.all import UDP, Ether, rdpcap, wrpcap

from orchestrator.apps.crc32c import crc32c
from orchestrator.results.content_proof import prove, read_records
from orchestrator.results.pcap import ETHERNET, USER0, CaptureError, read_pcap
from orchestrator.results.wire_record import (
    BYTES,
    LARGE,
    STRUCT,
    WireError,
    WireRecord,
    decode,
    decode_reading,
    differences,
    encode,
    encode_reading,
    fold_tag,
    reading_of,
    records_of_frame,
)

TAG = 0xA1B2C3D4
SEQ = 0x01020304
# The same bytes as in dpdk_apps/tests/test_record.c.
GOLDEN_STRUCT = bytes.fromhex(
    "444d010200356266010203047019356f00010204a1b2c3d435a5ad6d2e5b3b2afffff09f0a762df34130fe20800000006d657373616765"
    "2030313032303330346a00cda2ca"
)
GOLDEN_FRAGMENT = bytes.fromhex("444d010300046266010203046aa391f700000064000000600002000300ff7f80")
# The frame of dpdk_apps/tests/test_frame.c up to its payload, made by hand from RFC 791 and RFC 768.
FRAME_HEAD = bytes.fromhex("0200000000660200000000650800450000250000400040 11add6c6130065c6130066c00323280011fb29")


def record_of(seq: int, kind: int = STRUCT, **changes: object) -> WireRecord:
    body = encode_reading(reading_of(kind, seq, TAG)) + b"\0tail"
    return replace(WireRecord(kind, fold_tag(TAG), seq, len(body), 0, 0, 1, body), **changes)


def frame_of(payload: bytes, least: int = 60) -> bytes:
    head = bytearray(FRAME_HEAD)
    head[16:18] = (28 + len(payload)).to_bytes(2, "big")
    head[38:40] = (8 + len(payload)).to_bytes(2, "big")
    return (bytes(head) + payload).ljust(least, b"\xee")


def pcap_of(path, packets, *, magic=0xA1B23C4D, order="<", link=ETHERNET):
    data = struct.pack(f"{order}IHHIIII", magic, 2, 4, 0, 0, 65535, link)
    for number, packet in enumerate(packets):
        data += struct.pack(f"{order}IIII", 1_700_000_000, number, len(packet), len(packet)) + packet
    path.write_bytes(data)
    return path


def test_golden_bytes_are_decoded_field_by_field():
    record, rest = decode(GOLDEN_STRUCT)
    assert rest == b""
    assert (record.type, record.tag, record.seq, record.total, record.count) == (STRUCT, fold_tag(TAG), SEQ, 53, 1)
    reading = decode_reading(record.body)
    assert reading == reading_of(STRUCT, SEQ, TAG)
    assert (reading.version, reading.kind, reading.flags, reading.source) == (1, STRUCT, 4, TAG)
    assert (reading.count, reading.delta, reading.level) == (3865686539608210218, -16909110727181, 1113632.5)
    assert reading.name == b"message 01020304"
    fragment, _ = decode(GOLDEN_FRAGMENT)
    assert fragment == WireRecord(LARGE, fold_tag(TAG), SEQ, 100, 96, 2, 3, b"\x00\xff\x7f\x80")


def test_what_is_decoded_is_encoded_to_the_same_bytes():
    for golden in (GOLDEN_STRUCT, GOLDEN_FRAGMENT):
        assert encode(decode(golden)[0]) == golden


def test_crc32c_has_the_value_of_its_specification():
    assert crc32c(b"123456789") == 0xE3069283


def test_every_flipped_bit_is_found():
    for bit in range(8 * len(GOLDEN_FRAGMENT)):
        damaged = bytearray(GOLDEN_FRAGMENT)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(WireError):
            decode(bytes(damaged))


@given(st.binary(max_size=80))
def test_noise_is_refused_and_never_misread(data):
    with pytest.raises(WireError):
        decode(data)


@given(st.binary(min_size=1, max_size=60), st.binary(max_size=20))
def test_a_record_ends_where_it_says(body, rest):
    record = WireRecord(BYTES, 7, 1, len(body), 0, 0, 1, body)
    assert decode(encode(record) + rest) == (record, rest)


@pytest.mark.parametrize("size", [1, 2, 3, 59, 60, 61])
def test_padding_of_a_frame_is_no_payload(size):
    payload = encode(WireRecord(BYTES, 7, 1, size, 0, 0, 1, bytes(size)))
    frame = frame_of(payload)
    assert len(frame) == max(60, 42 + 16 + size)
    assert records_of_frame(frame) == payload
    assert bytes(Ether(frame)[UDP].payload)[:size] == payload[:size]


def test_frames_that_are_none_of_ours_are_refused():
    frame = frame_of(b"abc")
    for wrong in (frame[:41], b"\0" * 60, frame[:38] + b"\0\x07" + frame[40:], frame[:38] + b"\xff\xff" + frame[40:]):
        with pytest.raises(WireError):
            records_of_frame(wrong)


def test_differences_name_the_fields():
    sent = record_of(1)
    assert differences(sent, sent) == []
    reading = replace(decode_reading(sent.body), level=2.5, delta=7)
    said = differences(sent, replace(sent, seq=2, body=encode_reading(reading) + b"\0tail"))
    assert said[0] == "seq is 2, sent as 1"
    assert said[1].startswith("delta is 7, sent as -")
    assert said[2].startswith("level is 2.5, sent as ")
    assert differences(sent, replace(sent, body=sent.body[:-1] + b"x")) == ["the bytes of the body differ"]


@pytest.mark.parametrize("magic", [0xA1B2C3D4, 0xA1B23C4D])
@pytest.mark.parametrize("order", ["<", ">"])
def test_captures_of_every_byte_order_and_resolution_are_read(tmp_path, magic, order):
    capture = read_pcap(pcap_of(tmp_path / "a.pcap", [b"one", b""], magic=magic, order=order, link=USER0))
    assert capture.link == USER0
    assert [packet for _, packet in capture.packets] == [b"one", b""]
    assert capture.packets[1][0] == 1_700_000_000 * 10**9 + (1 if magic == 0xA1B23C4D else 1000)


def test_scapy_and_we_read_the_same(tmp_path):
    frames = [frame_of(encode(record_of(seq))) for seq in range(3)]
    path = pcap_of(tmp_path / "ours.pcap", frames)
    assert [bytes(packet) for packet in rdpcap(str(path))] == frames
    wrpcap(str(tmp_path / "scapy.pcap"), [Ether(frame) for frame in frames])
    assert [packet for _, packet in read_pcap(tmp_path / "scapy.pcap").packets] == frames


def test_broken_captures_name_their_file(tmp_path):
    whole = pcap_of(tmp_path / "a.pcap", [b"packet"]).read_bytes()
    for cut in (*range(24), *range(25, len(whole))):
        path = tmp_path / "cut.pcap"
        path.write_bytes(whole[:cut])
        with pytest.raises(CaptureError, match=r"cut\.pcap"):
            read_pcap(path)
    path.write_bytes(b"no capture file, but a text")
    with pytest.raises(CaptureError, match="no pcap file"):
        read_pcap(path)
    with pytest.raises(CaptureError, match="No such file"):
        read_pcap(tmp_path / "missing.pcap")


def captured(folder, *, sent, came, name="message"):
    folder.mkdir(exist_ok=True)
    pcap_of(folder / f"{name}.tx.pcap", [frame_of(encode(record)) for record in sent])
    pcap_of(folder / f"{name}.rx.pcap", [frame_of(encode(record)) for record in came])


def test_a_trial_whose_packets_came_as_they_were_sent_is_proved(tmp_path):
    sent = [record_of(seq) for seq in range(4)]
    captured(tmp_path / "a", sent=sent, came=[sent[2], sent[0], record_of(9)])
    captured(tmp_path / "b", sent=sent, came=sent, name="l2fwd")
    proof = prove({"message": tmp_path / "a", "l2fwd": tmp_path / "b"}, "message")
    assert proof.problems == ()
    assert proof.compared == 2 + 4 + 4
    assert [record.seq for record in read_records(tmp_path / "a" / "message.rx.pcap")] == [2, 0, 9]


def test_a_field_that_changed_on_its_way_is_named_with_its_message(tmp_path):
    sent = [record_of(seq) for seq in range(4)]
    wrong = encode_reading(replace(decode_reading(sent[1].body), source=1)) + b"\0tail"
    captured(tmp_path / "a", sent=sent, came=[sent[0], replace(sent[1], body=wrong)])
    assert prove({"message": tmp_path / "a"}, "message").problems == (
        f"message.rx: message 1: source is 1, sent as {TAG}",
    )


def test_captures_without_a_message_in_common_prove_nothing(tmp_path):
    captured(tmp_path / "a", sent=[record_of(1)], came=[record_of(2)])
    assert "none of 1 records" in prove({"message": tmp_path / "a"}, "message").problems[0]


@pytest.mark.parametrize("way", ["rx", "tx"])
@pytest.mark.parametrize("others", [[], [record_of(7)]])
def test_where_nothing_was_lost_every_capture_has_something_of_what_was_sent(tmp_path, way, others):
    sent = [record_of(seq) for seq in range(4)]
    captured(tmp_path / "a", sent=sent, came=sent)
    captured(tmp_path / "b", sent=sent, came=sent, name="l2fwd")
    folders = {"message": tmp_path / "a", "l2fwd": tmp_path / "b"}
    assert prove(folders, "message", lossless=True).problems == ()
    pcap_of(tmp_path / "b" / f"l2fwd.{way}.pcap", [frame_of(encode(record)) for record in others])
    (problem,) = prove(folders, "message", lossless=True).problems
    assert problem.startswith(f"l2fwd.{way}: none of {len(others)} records")
    assert prove(folders, "message").problems == ()


def test_a_missing_capture_and_a_damaged_packet_are_problems(tmp_path):
    damaged = bytearray(frame_of(encode(record_of(1))))
    damaged[70] ^= 1
    (tmp_path / "a").mkdir()
    pcap_of(tmp_path / "a" / "message.rx.pcap", [bytes(damaged)])
    first, second = prove({"message": tmp_path / "a"}, "message").problems
    assert "message.tx.pcap: No such file" in first
    assert second == "message.rx: packet 0: the CRC is wrong"


def test_many_problems_are_cut_short(tmp_path):
    sent = [record_of(seq) for seq in range(9)]
    captured(tmp_path / "a", sent=sent, came=[replace(record, tag=1) for record in sent])
    problems = prove({"message": tmp_path / "a"}, "message").problems
    assert (len(problems), problems[-1]) == (4, "and 6 more")


def test_the_struct_says_another_thing_in_each_message():
    random.seed(1)
    seqs = random.sample(range(1 << 32), 100)
    assert len({reading_of(STRUCT, seq, TAG) for seq in seqs}) == 100
