"""The store's frames over a veth, where others can look at them and send some of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scapy.all import IP, UDP, Ether, Raw
from support.dpdk_lab import END_S, Lab, Program, cpu, words
from support.lab_home import joined_namespaces, lab_home

from orchestrator.apps.store_packet import VERSION, Hello, Packet, PacketType, decode, encode, encode_hello

SERVER_IP = "198.19.0.1"
PAGES = 128
VDEV = "--vdev=net_af_packet0,iface=wire"
JUMBO = "framesz=10240,blocksz=40960"

pytestmark = pytest.mark.timeout(300)

# Sends each frame that it is given, and tells what comes back within a second.
EXCHANGE = """
import socket, sys, time
peer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x800))
peer.bind(("wire", 0))
peer.settimeout(0.1)
for frame in sys.argv[1:]:
    peer.send(bytes.fromhex(frame))
end = time.monotonic() + 1
while time.monotonic() < end:
    try:
        frame, address = peer.recvfrom(2048)
    except TimeoutError:
        continue
    if address[2] != socket.PACKET_OUTGOING:
        print(frame.hex())
"""


@pytest.fixture
def lab(store_binaries: Path) -> Iterator[Lab]:
    with lab_home(store_binaries, PAGES) as made:
        try:
            yield made
        finally:
            made.end()


@pytest.fixture
def wire(lab: Lab) -> Iterator[tuple[str, str]]:
    """Two network namespaces that a veth joins, `wire` in both: clients are in the first, the server in the second."""
    with joined_namespaces("ds") as names:
        try:
            yield names
        finally:
            lab.end()


def server(lab: Lab, netns: str | None, *options: str, vdev: str = VDEV, ready: bool = True) -> Program:
    own = ["-p", "1", "--ip", SERVER_IP, "--serve", "echo", "--idle", "yield", *options]
    argv = [*lab.eal("server", 0, cpu(1)), vdev, "--", *own]
    program = lab.start("store_server_dpdk", "server", argv, netns, "store/server")
    if ready:
        program.wait_ready()
    return program


def load(lab: Lab, netns: str | None, *options: str, number: int = 2, vdev: str = VDEV) -> Program:
    own = ["-p", "1", "--ip", f"198.19.0.{number}", "--peer-ip", SERVER_IP, "--idle", "yield", "--what", "echo"]
    own += ["--warmup", "0.1", "--window", "0.5", "--samples", str(lab.path / f"samples{number}.bin")]
    argv = [*lab.eal(f"load{number}", 0, cpu(0)), vdev, "--", *own, *options]
    return lab.start("store_load_dpdk", f"load{number}", argv, netns, "store/load")


def finished(program: Program) -> dict[str, Any]:
    """The statistics of one that ends by itself, all its buffers given back and nothing lost for good."""
    code = program.process.wait(30)
    assert code == 0, program.errors()
    stats = program.stats()
    assert (stats["lost"], stats["corrupt"], stats["ended"]) == (0, 0, "done")
    assert stats["returned"] > 10
    assert stats["pool"]["in_use_at_end"] == 0
    return stats


def stopped(program: Program) -> dict[str, Any]:
    assert program.stop() == 0, program.errors()
    stats = program.stats()
    assert stats["pool"]["in_use_at_end"] == 0
    return stats


def mac_of(netns: str) -> str:
    argv = ["ip", "netns", "exec", netns, "cat", "/sys/class/net/wire/address"]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


def drops_of(stats: dict[str, Any]) -> dict[str, int]:
    """Those there are."""
    return {reason: count for reason, count in stats["queues"][0]["drops"].items() if count}


def test_what_one_end_counts_the_other_counts_too(lab: Lab, wire: tuple[str, str]) -> None:
    near, far = wire
    program = server(lab, far)
    one = finished(load(lab, near, *words("--op echo --size 64 --depth 4")))
    other = stopped(program)
    (sent,), (came,) = one["queues"], other["queues"]
    assert (came["rx_packets"], came["rx_bytes"]) == (sent["tx_packets"], sent["tx_bytes"])
    assert (came["tx_packets"], came["tx_bytes"]) == (sent["rx_packets"], sent["rx_bytes"])
    assert drops_of(one) == drops_of(other) == {}


def test_jumbo_frames_where_the_link_has_them(lab: Lab, wire: tuple[str, str]) -> None:
    """A mebibyte both ways in a sixth of the frames, a tenth of which are lost on the way."""
    near, far = wire
    for name in wire:
        subprocess.run(["ip", "-n", name, "link", "set", "wire", "mtu", "9000"], check=True)
    vdev = f"{VDEV},{JUMBO}"
    program = server(lab, far, "--mtu", "9000", vdev=vdev)
    faults = words("--fault-seed 3 --fault-out drop=0.1 --fault-in drop=0.1")
    shape = words(f"--op echo --size {1 << 20} --depth 1 --timeout-ms 5000 --mtu 9000")
    one = finished(load(lab, near, *shape, *faults, vdev=vdev))
    other = stopped(program)
    assert one["rpc"]["retransmitted"] > 0
    assert drops_of(one) == drops_of(other) == {}
    # 118 frames of 9014 bytes for a mebibyte; beside them are a few questions.
    for queue in (one["queues"][0], other["queues"][0]):
        assert queue["tx_bytes"] / queue["tx_packets"] > 6000


def test_an_mtu_that_the_link_has_not_is_refused(lab: Lab, wire: tuple[str, str]) -> None:
    program = server(lab, wire[1], "--mtu", "9000", vdev=f"{VDEV},{JUMBO}", ready=False)
    assert program.process.wait(END_S) == 2
    assert "interface wire behind port 0 carries 1500: ip link set wire mtu 9000" in program.errors()
    (memif,) = lab.vdevs("server", 1)
    program = server(lab, None, "--mtu", "9000", vdev=memif, ready=False)
    assert program.process.wait(END_S) == 2
    assert "port 0 is net_memif's, which carries 1500" in program.errors()


def test_two_clients_behind_one_port(lab: Lab, wire: tuple[str, str]) -> None:
    """On one interface, so that each sees the other's frames as well and has to tell them from its own."""
    near, far = wire
    program = server(lab, far)
    loads = [load(lab, near, *words("--op echo --size 300 --depth 2"), number=number) for number in (2, 3)]
    for stats in [finished(each) for each in loads]:
        assert set(drops_of(stats)) <= {"wrong_mac", "wrong_ip"}
    other = stopped(program)
    assert other["rpc"]["sessions_begun"] == 2
    assert (other["rpc"]["stale"], other["peers_recycled"], drops_of(other)) == (0, 0, {})


def hello(epoch: int = 77) -> bytes:
    """What a client says first."""
    wanted = Hello(
        version_min=VERSION, version_max=VERSION, slots=4, most=1472, value_max=1 << 20, features=0, window=64
    )
    return encode(Packet(type=PacketType.HELLO, client_epoch=epoch, id=1, payload=encode_hello(wanted)))


def exchange(netns: str, *frames: bytes) -> list[bytes]:
    argv = ["ip", "netns", "exec", netns, sys.executable, "-c", EXCHANGE, *(frame.hex() for frame in frames)]
    said = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=END_S).stdout
    return [bytes.fromhex(line) for line in said.split()]


def test_frames_made_by_another_hand(lab: Lab, wire: tuple[str, str]) -> None:
    """Scapy's HELLO, which has a UDP checksum, is answered by a frame that Scapy finds right in all its numbers."""
    near, far = wire
    program = server(lab, far)
    own = mac_of(near)
    ask = Ether(src=own, dst="ff:ff:ff:ff:ff:ff") / IP(src="198.19.0.9", dst=SERVER_IP)
    (answer,) = exchange(near, bytes(ask / UDP(sport=50123, dport=7100) / Raw(hello())))
    frame = Ether(answer)
    assert (frame.src, frame.dst) == (mac_of(far), own)
    assert (frame[IP].src, frame[IP].dst, frame[IP].ttl, frame[IP].flags) == (SERVER_IP, "198.19.0.9", 64, "DF")
    assert (frame[UDP].sport, frame[UDP].dport, frame[UDP].chksum) == (7100, 50123, 0)
    again = IP(bytes(frame[IP]))
    del again.chksum
    assert IP(bytes(again)).chksum == frame[IP].chksum
    assert frame[IP].len == len(answer) - 14
    assert frame[UDP].len == len(answer) - 34
    welcome = decode(bytes(frame[UDP].payload))
    assert (welcome.type, welcome.client_epoch, welcome.id) == (PacketType.WELCOME, 77, 1)
    assert drops_of(stopped(program)) == {}


def test_frames_of_others_are_dropped_by_their_reason(lab: Lab, wire: tuple[str, str]) -> None:
    near, far = wire
    program = server(lab, far)
    own, there = mac_of(near), mac_of(far)
    eth = Ether(src=own, dst=there)
    ip = IP(src="198.19.0.9", dst=SERVER_IP)
    udp = UDP(sport=50123, dport=7100)
    right = bytes(eth / ip / udp / Raw(hello()))
    damaged = right[:-1] + bytes([right[-1] ^ 1])
    frames = {
        "short": [right[:30], right[:70]],
        "not_ipv4": [bytes(eth / Raw(bytes(60)))],
        "not_udp": [bytes(eth / IP(src="198.19.0.9", dst=SERVER_IP, proto=6) / Raw(bytes(60)))],
        "bad_length": [bytes(eth / ip / UDP(sport=50123, dport=7100, len=200) / Raw(hello()))],
        "bad_ip_checksum": [bytes(eth / IP(src="198.19.0.9", dst=SERVER_IP, chksum=1) / udp / Raw(hello()))],
        "bad_udp_checksum": [damaged, damaged],
        "wrong_mac": [bytes(Ether(src=own, dst="02:00:00:00:00:07") / ip / udp / Raw(hello()))],
        "wrong_ip": [bytes(eth / IP(src="198.19.0.9", dst="198.19.0.7") / udp / Raw(hello()))],
        "wrong_port": [bytes(eth / ip / UDP(sport=50123, dport=7101) / Raw(hello()))],
        # Without a UDP checksum only the packet's own shows the damage.
        "stranger": [
            bytes(eth / ip / udp / Raw(b"no packet")),
            bytes(eth / ip / UDP(sport=50123, dport=7100, chksum=0) / Raw(hello()[:-1] + b"\xff")),
        ],
    }
    assert exchange(near, *(frame for each in frames.values() for frame in each)) == []
    stats = stopped(program)
    assert drops_of(stats) == {reason: len(each) for reason, each in frames.items()}
    assert stats["rpc"]["rx"] == stats["rpc"]["sessions_begun"] == 0


@pytest.mark.parametrize("link", ["memif", "veth"])
def test_the_bare_ping_pong(lab: Lab, wire: tuple[str, str], link: str) -> None:
    near, far = wire if link == "veth" else (None, None)
    ends = [VDEV, VDEV] if link == "veth" else [lab.vdevs("server", 1)[0], lab.vdevs("client", 1)[0]]
    app, folder = "mbuf_pingpong_dpdk", "store/pingpong"
    pong = lab.start(
        app, "pong", [*lab.eal("pong", 0, cpu(1)), ends[0], "--", "-p", "1", "--role", "pong"], far, folder
    )
    pong.wait_ready()
    own = ["-p", "1", "--role", "ping", *words("--size 64 --warmup 0.05 --window 0.3")]
    own += ["--samples", str(lab.path / "samples.bin")]
    ping = lab.start(app, "ping", [*lab.eal("ping", 0, cpu(0)), ends[1], "--", *own], near, folder)
    assert ping.process.wait(END_S) == 0, ping.errors()
    stats = ping.stats()
    assert stats["sent"] == stats["returned"] + stats["lost"] == lab.samples() > 0
    assert stats["lost"] == 0
    assert pong.stop() == 0
