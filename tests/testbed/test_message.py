"""message and l2fwd against each other, started directly: what arrives, what is lost and why, and who counts it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from scapy.all import IP, UDP, Ether, Raw, rdpcap
from support.dpdk_lab import END_S, Lab, Program, cpu, spend, words
from support.lab_home import build_apps, joined_namespaces, lab_home

from orchestrator.results.content_proof import prove, read_records
from orchestrator.results.wire_record import decode, decode_reading, fold_tag, reading_of

PEER_MAC = "02:00:00:00:00:66"
TAG = 0x12345678
TRIES = 3
"""Attempts in which a machine with other work must leave a loop alone for once."""
SAMPLES = "samples.bin"


@pytest.fixture(scope="module")
def home(root: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The programs of the folder, built from this checkout, and where they run."""
    build = build_apps(tmp_path_factory.mktemp("message") / "build", ("message", "message/l2fwd"))
    with lab_home(build) as lab:
        yield lab


@pytest.fixture
def lab(home: Lab) -> Iterator[Lab]:
    try:
        yield home
    finally:
        home.end()


@pytest.fixture
def wire(lab: Lab) -> Iterator[tuple[str, str]]:
    """Two network namespaces that a veth joins; it is called `wire` in both."""
    with joined_namespaces("dm") as names:
        try:
            yield names
        finally:
            lab.end()


def l2fwd(lab: Lab, *options: str, ports: int = 1, vdevs: list[str] | None = None, netns: str | None = None) -> Program:
    devices = lab.vdevs("server", ports) if vdevs is None else vdevs
    own = ["-p", hex((1 << ports) - 1), "--idle", "yield", "--drain-us", "0", *options]
    program = lab.start("l2fwd", "l2fwd", [*lab.eal("sut", 0, cpu(1)), *devices, "--", *own], netns, "message")
    program.wait_ready()
    return program


def message(
    lab: Lab, *options: str, ports: int = 1, vdevs: list[str] | None = None, netns: str | None = None
) -> Program:
    devices = lab.vdevs("client", ports) if vdevs is None else vdevs
    own = ["-p", hex((1 << ports) - 1), *words("--queues 1 --flows 4 --warmup 0.1 --window 0.3 --idle yield")]
    own += ["--tag", str(TAG), "--max-samples", "1000000", "--samples", str(lab.path / SAMPLES), *options]
    return lab.start("message", "message", [*lab.eal("gen", 0, cpu(0)), *devices, "--", *own], netns, "message")


def measure(lab: Lab, *options: str, **where: Any) -> dict[str, Any]:
    """Run the generator to its end; its statistics, after checking what always holds."""
    program = message(lab, "--linger", *options, **where)
    program.wait_ready()
    program.wait_done()
    lab.lingering.append(program)
    stats = program.stats()
    assert stats["sent"] == stats["returned"] + stats["lost"] == lab.samples()
    assert [stats[key] for key in ("duplicates", "unknown", "corrupt", "foreign", "short")] == [0] * 5
    assert stats["digest"]["agrees"]
    assert stats["settled"]
    return stats


def finish(lab: Lab, sut: Program) -> dict[str, Any]:
    """Stop the forwarder, then the generator; the forwarder's statistics, after checking that they balance."""
    assert sut.stop() == 0, sut.errors()
    lab.stop_generators()
    stats = sut.stats()
    assert stats["accounting"]["in"] == stats["accounting"]["out"] + stats["accounting"]["drops"]
    assert stats["pool"]["in_use_at_end"] == 0
    assert lab.map_files() == []
    return stats


def check_counts(near: dict[str, Any], far: dict[str, Any]) -> None:
    """Packets by queue are those of the drivers, and those of the other end."""
    for stats in (near, far):
        for queue, driver in zip(stats["queues"], stats["driver_stats"], strict=True):
            assert (queue["rx_packets"], queue["tx_packets"]) == (driver["ipackets"], driver["opackets"])
    for here, there in zip(near["queues"], far["queues"], strict=True):
        assert (here["tx_packets"], here["tx_bytes"]) == (there["rx_packets"], there["rx_bytes"])
        assert (here["rx_packets"], here["rx_bytes"]) == (there["tx_packets"], there["tx_bytes"])


# Bodies of 1, 2 and 3 bytes are frames of 59, 60 and 61; 1455 and 1456 fill IP packets of 1499 and 1500 bytes.
@pytest.mark.parametrize(
    ("payload", "size", "records"),
    [
        *(("bytes", size, 1) for size in (1, 2, 3, 59, 60, 61, 1455, 1456)),
        ("struct", 48, 1),
        ("struct", 1456, 1),
        ("large", 1457, 2),
        ("large", 8192, 6),
    ],
)
def test_every_size_arrives_and_everybody_counts_the_same(lab: Lab, payload: str, size: int, records: int) -> None:
    sut = l2fwd(lab)
    near = measure(lab, *words(f"--payload {payload} --size {size} --depth 4"))
    far = finish(lab, sut)
    assert near["lost"] == near["reordered"] == 0 < near["returned"]
    assert near["digest"]["sent"] == near["digest"]["received"] != "0" * 16
    assert near["fragments"]["per_message"] == records
    sent = (near["sent"] + near["warmup_sent"]) * records
    assert near["fragments"]["received"] == sent
    assert 0 < near["queues"][0]["tx_packets"] - sent < 20, "beside the messages there were probes only"
    check_counts(near, far)


@pytest.mark.parametrize(("payload", "size"), [("bytes", 1457), ("struct", 1457)])
def test_a_byte_more_than_the_mtu_is_refused(lab: Lab, payload: str, size: int) -> None:
    program = message(lab, *words(f"--payload {payload} --size {size} --depth 1"))
    assert program.process.wait(END_S) == 2
    assert "--size 1457 does not fit" in program.errors()
    assert "at most 1456 bytes here; --payload large is split" in program.errors()


def test_what_comes_by_one_port_leaves_by_the_other(lab: Lab) -> None:
    sut = l2fwd(lab, ports=2)
    near = measure(lab, *words("--payload large --size 4000 --depth 8"), ports=2)
    far = finish(lab, sut)
    assert near["lost"] == 0
    check_counts(near, far)
    first, second = far["queues"]
    # What could not be sent is counted where it was to leave: a probe may come before the other link is up.
    for came, left in ((first, second), (second, first)):
        assert came["rx_packets"] == left["tx_packets"] + left["drops"]["tx_full"]
        assert left["tx_packets"] > 100 * left["drops"]["tx_full"]


def test_a_loop_that_sleeps_after_every_burst_loses_and_one_that_polls_does_not(lab: Lab) -> None:
    """The finding of the notes. 32 packets in 3 ms are fewer than come: the ring overruns."""
    load = words("--payload struct --size 64 --rate 20000 --timeout-ms 900 --settle-ms 50")
    sut = l2fwd(lab, *words("--loop naive --sleep-us 3000"))
    near = measure(lab, *load)
    far = finish(lab, sut)
    check_counts(near, far)
    assert near["lost"] > near["sent"] / 4
    assert near["queues"][0]["drops"]["ring_full"] >= near["lost"]
    in_full_bursts = 32 * far["queues"][0]["turns_full"]
    assert in_full_bursts > 0.8 * far["accounting"]["in"], "at most turns it left packets behind"

    lost = []
    while 0 not in lost and len(lost) < TRIES:
        sut = l2fwd(lab, *words("--loop poll --sleep-us 3000"))
        near = measure(lab, *load)
        check_counts(near, finish(lab, sut))
        assert near["lost"] <= near["queues"][0]["drops"]["ring_full"]
        lost.append(near["lost"])
    assert lost[-1] == 0, f"lost in {TRIES} attempts: {lost}"


def test_the_last_packets_wait_for_ever_in_a_buffer_that_nothing_drains(lab: Lab) -> None:
    load = words("--payload struct --size 64 --rate 9990 --timeout-ms 200")
    sut = l2fwd(lab, *words("--drain-us never"))
    near = measure(lab, *load)
    far = finish(lab, sut)
    check_counts(near, far)
    left = far["queues"][0]["drops"]["unflushed"]
    assert far["accounting"]["in"] % 32 == left
    assert near["lost"] == left

    sut = l2fwd(lab, *words("--drain-us 100"))
    near = measure(lab, *load)
    far = finish(lab, sut)
    assert near["lost"] == far["accounting"]["drops"] == 0


def test_a_few_packets_into_a_buffer_that_nothing_drains_are_not_transferred(lab: Lab) -> None:
    """What the notes saw: eight packets are sent, and none arrives while anybody looks."""
    sut = l2fwd(lab, *words("--drain-us never --dump 6 --capture"), str(lab.path / "stuck"))
    program = message(lab, *words("--payload struct --size 64 --rate 20 --timeout-ms 50"))
    assert program.process.wait(END_S) == 1
    assert "nothing came back" in program.errors()
    stats = program.stats()
    assert (stats["returned"], stats["lost"]) == (0, stats["sent"])
    assert stats["digest"]["agrees"]
    assert sut.stop() == 0
    assert sut.stats()["queues"][0]["drops"]["unflushed"] == stats["sent"] + stats["warmup_sent"]
    assert len(read_records(lab.path / "stuck.rx.pcap")) == min(6, stats["sent"] + stats["warmup_sent"])
    assert read_records(lab.path / "stuck.tx.pcap") == [], "sent is what the driver took"
    assert sut.stats()["pool"]["in_use_at_end"] == 0


def test_what_the_queue_does_not_take_is_no_leak_and_is_not_captured_twice(lab: Lab) -> None:
    """The forwarder stands still: the queue fills up within a message of six frames, which then never leaves whole."""
    sut = l2fwd(lab)
    load = words("--payload large --size 8192 --depth 64 --tx-desc 64 --timeout-ms 50 --dump 1000 --window 20")
    program = message(lab, *load, "--capture", str(lab.path / "stopped"))
    program.wait_ready()
    sut.process.send_signal(signal.SIGSTOP)
    spend(program, 0.3)  # it tries again and again
    assert program.stop() == 0, program.errors()
    sut.process.kill()
    stats = program.stats()
    (queue,) = stats["queues"]
    assert queue["tx_full"] > 10
    assert queue["drops"]["unflushed"] > 0
    assert stats["pool"]["in_use_at_end"] == 0
    assert stats["accounting"]["in"] == stats["accounting"]["out"] + stats["accounting"]["drops"]
    sent = [(record.seq, record.index) for record in read_records(lab.path / "stopped.tx.pcap")]
    assert len(sent) == len(set(sent)) > 64


def test_a_sender_that_sleeps_after_every_burst_falls_behind(lab: Lab) -> None:
    sut = l2fwd(lab)
    load = words("--payload struct --size 64 --rate 20000 --timeout-ms 500")
    near = measure(lab, *load, *words("--loop naive --sleep-us 3000"))
    check_counts(near, finish(lab, sut))
    assert near["unsent"] > 1000
    sut = l2fwd(lab)
    near = measure(lab, *load, *words("--loop poll --sleep-us 100"))
    check_counts(near, finish(lab, sut))
    assert near["unsent"] < 1000


@pytest.mark.parametrize(("payload", "size"), [("bytes", 100), ("struct", 100), ("large", 3000)])
def test_the_first_packets_are_kept_and_are_what_was_sent(lab: Lab, payload: str, size: int) -> None:
    ends = {name: str(lab.path / name) for name in ("message", "l2fwd")}
    sut = l2fwd(lab, "--dump", "6", "--capture", ends["l2fwd"])
    measure(lab, *words(f"--payload {payload} --size {size} --depth 2"), "--dump", "6", "--capture", ends["message"])
    finish(lab, sut)
    proof = prove(dict.fromkeys(ends, lab.path), "message")
    assert proof.problems == ()
    assert proof.compared == 18
    for name in ends:
        text = (lab.path / f"{name}.dump.txt").read_text()
        assert text.count("dump mbuf at") == 12, "as rte_pktmbuf_dump shows them"
        assert text.count("# tx, ") == text.count("# rx, ") == 6
        for way in ("tx", "rx"):
            path = lab.path / f"{name}.{way}.pcap"
            records = read_records(path)
            seen = [bytes(packet[UDP].payload) for packet in rdpcap(str(path))]
            assert [decode(payload)[0] for payload in seen] == records
            for record in records:
                assert record.tag == fold_tag(TAG)
                if payload != "bytes" and record.index == 0:
                    assert decode_reading(record.body) == reading_of(record.type, record.seq, TAG)


def test_the_floor_needs_no_peer(lab: Lab) -> None:
    near = measure(lab, *words("--payload large --size 5000 --depth 2 --floor"), vdevs=[])
    lab.stop_generators()
    assert near["floor"]
    assert near["lost"] == 0 < near["returned"]
    assert {queue["driver"] for queue in near["queues"]} == {"net_ring"}


@pytest.mark.parametrize(("payload", "size"), [("bytes", 1), ("struct", 64), ("large", 8192)])
def test_over_veth_too(lab: Lab, wire: tuple[str, str], payload: str, size: int) -> None:
    left, right = wire
    vdev = ["--vdev=net_af_packet0,iface=wire"]
    sut = l2fwd(lab, vdevs=vdev, netns=right)
    load = words(f"--payload {payload} --size {size} --depth 1 --peer-mac {PEER_MAC}")
    near = measure(lab, *load, vdevs=vdev, netns=left)
    far = finish(lab, sut)
    assert near["lost"] == 0 < near["returned"]
    check_counts(near, far)


@pytest.mark.parametrize(("payload", "size", "records"), [("bytes", 8955, 1), ("struct", 8956, 1), ("large", 8957, 2)])
def test_jumbo_frames_where_the_link_has_them(
    lab: Lab, wire: tuple[str, str], payload: str, size: int, records: int
) -> None:
    left, right = wire
    for name in wire:
        subprocess.run(["ip", "-n", name, "link", "set", "wire", "mtu", "9000"], check=True)
    vdev = ["--vdev=net_af_packet0,iface=wire,framesz=10240,blocksz=40960"]
    sut = l2fwd(lab, "--mtu", "9000", vdevs=vdev, netns=right)
    load = words(f"--payload {payload} --size {size} --depth 2 --mtu 9000 --peer-mac {PEER_MAC}")
    near = measure(lab, *load, vdevs=vdev, netns=left)
    far = finish(lab, sut)
    assert near["lost"] == 0 < near["returned"]
    assert near["fragments"]["per_message"] == records
    check_counts(near, far)
    if records == 1:
        assert near["queues"][0]["tx_bytes"] / near["queues"][0]["tx_packets"] > 8900


INJECT = """
import socket, sys
peer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
peer.bind(("wire", 0))
for frame in sys.argv[1:]:
    for _ in range(3):
        peer.send(bytes.fromhex(frame).ljust(60, b"\\0"))
"""


def strangers() -> list[bytes]:
    """A payload where the Ethernet header should be, a message cut off, one that promises more, and another's frame."""
    ours = Ether(src=PEER_MAC, dst="02:00:00:00:00:65") / IP(src="198.19.0.101", dst="198.19.0.102")
    flow, other = UDP(sport=49152, dport=9000), UDP(sport=49152, dport=9)
    cut, longer = Raw(b"DM"), Raw(bytes.fromhex("444d0101ffff"))
    return [
        b"binary\0data as an Ethernet header" + bytes(30),
        *(bytes(frame) for frame in (ours / flow / cut, ours / flow / longer, ours / other / Raw(b"other port"))),
    ]


def test_frames_of_others_are_refused_by_their_reason(lab: Lab, wire: tuple[str, str]) -> None:
    """Among them a payload in place of the Ethernet header, and padding that looks like a message's body."""
    left, right = wire
    vdev = ["--vdev=net_af_packet0,iface=wire"]
    sut = l2fwd(lab, vdevs=vdev, netns=right)
    load = words(f"--payload bytes --size 1 --depth 1 --window 30 --peer-mac {PEER_MAC}")
    program = message(lab, *load, vdevs=vdev, netns=left)
    program.wait_ready()
    frames = [frame.hex() for frame in strangers()]
    subprocess.run(["ip", "netns", "exec", right, sys.executable, "-c", INJECT, *frames], check=True, timeout=END_S)
    assert program.stop() == 0, program.errors()
    stats = program.stats()
    drops = stats["queues"][0]["drops"]
    # Twice each: the forwarder sees what its own host sends too.
    assert (drops["not_ipv4"], drops["foreign"], drops["refused_message"]) == (6, 6, 12)
    assert stats["short"] == 12
    assert (stats["corrupt"], stats["lost"]) == (0, 0)
    assert stats["digest"]["agrees"]
    finish(lab, sut)
