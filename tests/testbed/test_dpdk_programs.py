"""symmetric_mp and traffic against each other, started directly: what a plan relies on, without SSH in between."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.dpdk_lab import END_S, Lab, Program, cpu, spend, words
from support.lab_home import build_apps, lab_home

PAGES = 96
KILLS = 10
PEER_MAC = "02:00:00:00:00:66"


@pytest.fixture(scope="session")
def binaries(root: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs, built from this checkout."""
    return build_apps(tmp_path_factory.mktemp("dpdk_apps") / "build", ("symmetric_mp", "traffic"))


@pytest.fixture(scope="module")
def home(binaries: Path) -> Iterator[Lab]:
    """A place of its own for files and huge pages."""
    with lab_home(binaries, PAGES) as lab:
        yield lab


@pytest.fixture
def lab(home: Lab) -> Iterator[Lab]:
    try:
        yield home
    finally:
        home.end()


def check_balance(stats: dict[str, Any]) -> None:
    """What a process of the group received is what it sent and what it dropped, by its queues and by its sums."""
    queues = stats["queues"]
    received = sum(q["rx_packets"] for q in queues)
    sent = sum(q["tx_packets"] for q in queues)
    dropped = sum(sum(q["drops"].values()) for q in queues)
    assert received == sent + dropped
    assert stats["accounting"] == {"in": received, "out": sent, "drops": dropped}


def stop_group(lab: Lab, group: list[Program]) -> list[dict[str, Any]]:
    """Secondaries first; returns all statistics, the primary's first."""
    for program in reversed(group):
        assert program.stop() == 0, program.errors()
    lab.stop_generators()
    stats = [program.stats() for program in group]
    for each in stats:
        check_balance(each)
    assert stats[0]["pool"]["in_use_at_end"] == 0
    return stats


def shares(stats: list[dict[str, Any]]) -> list[float]:
    received = [each["accounting"]["in"] for each in stats]
    return [count / sum(received) for count in received]


@pytest.mark.parametrize(
    ("size", "loop"),
    [(32, ("--depth", "1")), (1472, ("--depth", "16")), (256, ("--rate", "5000"))],
    ids=["smallest", "largest", "open-loop"],
)
def test_one_process_returns_everything(lab: Lab, size: int, loop: tuple[str, str]) -> None:
    (sut,) = lab.group(1)
    assert sut.ready == "@ready ports=1 proc=0/1\n"
    options = words("-p 1 --queues 1 --flows 3 --count-cycles")
    stats = lab.measure(lab.vdevs("client", 1), *options, *loop, size=size)
    assert 0 < stats["busy_ticks"] / stats["ticks_per_s"] < 0.5, "more than warm-up and window"
    assert stats["lost"] == 0
    assert stats["reordered"] == 0
    assert stats["returned"] > 100
    if loop[0] == "--rate":
        assert stats["sent"] == pytest.approx(5000 * 0.3, rel=0.02)
    began = time.monotonic()
    (sut_stats,) = stop_group(lab, [sut])
    assert time.monotonic() - began < 1.0
    assert (sut_stats["ended"], sut_stats["proc_type"]) == ("signal", "primary")
    (sut_queue,), (queue,) = sut_stats["queues"], stats["queues"]
    assert sut_queue["rx_packets"] == queue["tx_packets"]
    assert sut_queue["rx_bytes"] == queue["tx_packets"] * (42 + size)
    assert queue["peer_mac"] == sut_queue["mac"], "the address was learned from the echo"
    assert lab.map_files() == []


def test_four_processes_share_two_ports(lab: Lab) -> None:
    group = lab.group(4, ports=2)
    options = words("-p 3 --queues 4 --flows 64 --depth 8")
    generator = lab.measure(lab.vdevs("client", 2), *options)
    stats = stop_group(lab, group)
    assert generator["lost"] == 0
    assert all(0.15 <= share <= 0.35 for share in shares(stats)), shares(stats)
    for i, each in enumerate(stats):
        assert [(q["port"], q["queue"]) for q in each["queues"]] == [(0, i), (1, i)]
        assert all(q["rx_packets"] > 0 and q["tx_packets"] > 0 for q in each["queues"])
    # What came in by one port went out by the other.
    first, second = ([each["queues"][port] for each in stats] for port in (0, 1))
    assert sum(q["rx_packets"] for q in first) == sum(q["tx_packets"] + q["drops"]["tx_full"] for q in second)
    assert sum(q["rx_packets"] for q in second) == sum(q["tx_packets"] + q["drops"]["tx_full"] for q in first)
    assert sum(each["accounting"]["in"] for each in stats) == sum(q["tx_packets"] for q in generator["queues"])


def test_two_processes_get_half_each(lab: Lab) -> None:
    group = lab.group(2)
    options = words("-p 1 --queues 2 --flows 64 --depth 4")
    assert lab.measure(lab.vdevs("client", 1), *options)["lost"] == 0
    assert all(0.4 <= share <= 0.6 for share in shares(stop_group(lab, group)))


def refusal(program: Program) -> str:
    """The last line that a refused program left, after checking that it ended by itself and had nothing to report."""
    assert program.process.wait(END_S) in (1, 2)
    assert not program.stats_path.exists()
    return program.errors().splitlines()[-1]


def test_starts_that_cannot_work_are_refused(lab: Lab) -> None:
    server = lab.vdevs("server", 1)
    early = lab.smp(1, 2, server, name="early", ready=False)
    assert "start the primary first" in refusal(early)
    primary = lab.smp(0, 2, server)
    same_id = lab.smp(0, 2, server, proc_type="secondary", lcore=5, name="same_id", ready=False)
    assert f"--proc-id 0 belongs to process {primary.process.pid} already" in refusal(same_id)
    other_size = lab.smp(1, 4, server, name="other_size", ready=False)
    assert "--num-procs 4, but the primary was started with --num-procs 2" in refusal(other_size)
    same_lcore = lab.smp(1, 2, server, lcore=0, name="same_lcore", ready=False)
    assert f"lcore id 0 is that of process {primary.process.pid}" in refusal(same_lcore)
    second_primary = lab.smp(1, 2, server, proc_type="primary", name="second_primary", ready=False)
    assert "runs already" in refusal(second_primary)
    # None of them harmed the group: the real secondary joins, and takes over from one that was killed.
    lab.smp(1, 2, server).stop(signal.SIGKILL)
    secondary = lab.smp(1, 2, server, name="taker")
    assert lab.measure(lab.vdevs("client", 1), *words("-p 1 --queues 2 --flows 8 --depth 2"))["lost"] == 0
    for program in (secondary, primary):
        assert program.stop() == 0
        check_balance(program.stats())


@pytest.mark.parametrize(
    ("vdev", "reason"),
    [
        ("net_pcap0,iface=lo", "has 1 receive and 1 send queues, 4 of each are needed"),
        ("net_af_packet0,iface=lo", "receives and sends in one process only"),
    ],
)
def test_too_few_queues_are_refused(lab: Lab, vdev: str, reason: str) -> None:
    assert reason in refusal(lab.smp(0, 4, [f"--vdev={vdev}"], ready=False))


def test_secondaries_end_when_their_primary_is_killed(lab: Lab) -> None:
    primary, *secondaries = lab.group(3)
    primary.process.kill()
    killed = time.monotonic()
    for secondary in secondaries:
        assert secondary.process.wait(END_S) == 3
        assert time.monotonic() - killed < 1.0
        assert secondary.stats()["ended"] == "primary died"
        check_balance(secondary.stats())
    # A new group starts over what the killed one left: its socket, lock and huge pages.
    stop_group(lab, lab.group(2))


def test_what_a_generator_measured_outlives_a_forwarder_that_is_killed(lab: Lab) -> None:
    """In many of such ends net_memif unmaps the rings under the burst: the guard turns that into an end of the loop."""
    for _ in range(KILLS):
        sut = lab.smp(0, 1, lab.vdevs("server", 1))
        generator = lab.traffic(
            lab.vdevs("client", 1), *words("-p 1 --queues 1 --flows 1 --depth 1 --idle spin"), window=9
        )
        generator.wait_ready()
        spend(generator, 0.3)  # the warm-up is 0.1 s
        assert sut.stop(signal.SIGKILL) == -signal.SIGKILL
        try:
            code = generator.process.wait(0.1)
        except subprocess.TimeoutExpired:  # the link ended between two bursts: it polls on
            code = generator.stop()
        stats = generator.stats()
        assert stats["sent"] == stats["returned"] + stats["lost"] == lab.samples() > 0
        assert (code, stats["ended"]) in {(0, "signal"), (1, "link lost")}, generator.errors()
        if code == 1:
            assert "the other end went away while its port was polled, and net_memif took" in generator.errors()
        lab.end()


def test_a_forwarder_outlives_a_generator_that_is_killed(lab: Lab) -> None:
    """Whatever it was doing then: it goes on, serves the next one, and its books balance."""
    sut = lab.smp(0, 1, lab.vdevs("server", 1))
    generator = None
    for _ in range(KILLS):
        generator = lab.traffic(
            lab.vdevs("client", 1), *words("-p 1 --queues 1 --flows 1 --depth 1 --idle spin"), window=9
        )
        generator.wait_ready()
        spend(generator, 0.15)
        assert generator.stop(signal.SIGKILL) == -signal.SIGKILL
    assert sut.stop() == 0, sut.errors()
    stats = sut.stats()
    check_balance(stats)
    assert stats["accounting"]["in"] > 10_000 * KILLS
    assert stats["pool"]["in_use_at_end"] == sum(stats["pool"]["explained"].values())


def test_drops_are_counted(lab: Lab) -> None:
    """One port floods and the peer of the other takes nothing: frames cannot leave, and each is accounted for."""
    sut = lab.smp(0, 1, [*lab.vdevs("server", 1), "--vdev=net_null0"], mask="3")
    peer = lab.start(
        "symmetric_mp",
        "peer",
        [*lab.eal("gen", 0, cpu(0)), *lab.vdevs("client", 1), "--", *words("-p 1 --num-procs=1 --proc-id 0")],
    )
    peer.wait_ready()
    spend(peer, 0.2)  # it takes what comes, millions a second
    peer.process.send_signal(signal.SIGSTOP)
    spend(sut, 0.2)
    (stats,) = stop_group(lab, [sut])
    assert stats["queues"][0]["drops"]["tx_full"] > 1000
    assert stats["queues"][0]["tx_packets"] > 0


def test_a_generator_without_answers_names_the_path(lab: Lab) -> None:
    """Frames to port 0 leave by port 1, which swallows them."""
    lab.smp(0, 1, [*lab.vdevs("server", 1), "--vdev=net_null0"], mask="3")
    generator = lab.traffic(
        lab.vdevs("client", 1), *words("-p 1 --queues 1 --flows 1 --depth 1"), "--peer-mac", PEER_MAC
    )
    assert generator.process.wait(END_S) == 1
    assert "flow 0 (port 0, queue 0" in generator.errors()


def test_losses_are_counted(lab: Lab) -> None:
    """The forwarder freezes in the window: what is out is lost, and what came back before is kept."""
    (sut,) = lab.group(1)
    # Its queue holds 1024 packets: all that the frozen half of the window sends.
    options = words("-p 1 --queues 1 --flows 4 --rate 1000")
    generator = lab.traffic(lab.vdevs("client", 1), *options, window=1.0)
    generator.wait_ready()
    with pytest.raises(subprocess.TimeoutExpired):
        generator.process.wait(0.6)
    sut.process.send_signal(signal.SIGSTOP)
    assert generator.process.wait(END_S) == 0
    stats = generator.stats()
    assert stats["returned"] > 100
    assert stats["lost"] > 100
    assert stats["sent"] == stats["returned"] + stats["lost"] == lab.samples()
    assert stats["rate_achieved"] < 950


def test_floor_needs_no_peer(lab: Lab) -> None:
    stats = lab.measure([], *words("--queues 2 --flows 16 --depth 1 --floor"))
    assert (stats["floor"], stats["lost"]) == (True, 0)
    assert {q["driver"] for q in stats["queues"]} == {"net_ring"}
    assert all(q["tx_packets"] == q["rx_packets"] > 0 for q in stats["queues"])


def test_a_full_recorder_ends_the_window(lab: Lab) -> None:
    """Seven at a time do not divide the thousand: the last burst is cut, and nothing unrecorded leaves."""
    stats = lab.measure([], *words("--queues 1 --flows 3 --depth 7 --floor --max-samples 1000"))
    assert (stats["sent"] + stats["warmup_sent"], stats["lost"]) == (1000, 0)
    assert (stats["ended"], stats["recorder_full"]) == ("recorder full", True)


@pytest.fixture
def namespaces(lab: Lab) -> Iterator[tuple[str, str]]:
    """Two network namespaces: a veth `plain`, and a veth `wire` that in the second one shares a bridge with a tap."""
    left, right = f"dta{os.getpid()}", f"dtb{os.getpid()}"

    def ip(line: str) -> None:
        subprocess.run(["ip", *line.split()], check=True)

    try:
        for name in (left, right):
            ip(f"netns add {name}")
            off = ["sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"]
            subprocess.run(["ip", "netns", "exec", name, *off], check=True)
        for link in ("plain", "wire"):
            ip(f"link add {link} netns {left} type veth peer name {link} netns {right}")
        ip(f"-n {right} link add bridge address 02:00:00:00:01:02 type bridge stp_state 0 mcast_snooping 0")
        subprocess.run(["ip", "-n", right, *["tuntap", "add", "dev", "tap", "mode", "tap", "multi_queue"]], check=True)
        for port in ("wire", "tap"):
            ip(f"-n {right} link set {port} master bridge")
        for name, links in ((left, ("plain", "wire")), (right, ("plain", "wire", "tap", "bridge"))):
            for link in links:
                ip(f"-n {name} link set {link} up")
        yield left, right
    finally:
        lab.end()
        for name in (left, right):
            subprocess.run(["ip", "netns", "del", name], check=False)


def test_af_packet_over_veth(lab: Lab, namespaces: tuple[str, str]) -> None:
    left, right = namespaces
    vdev = ["--vdev=net_af_packet0,iface=plain"]
    sut = lab.smp(0, 1, vdev, netns=right)
    options = words(f"-p 1 --queues 1 --flows 4 --depth 1 --spread driver --peer-mac {PEER_MAC}")
    assert lab.measure(vdev, *options, netns=left)["lost"] == 0
    stop_group(lab, [sut])


UNFAITHFUL = """
import json, signal, socket, sys
def told(number, frame):
    print(json.dumps(did), flush=True)
    sys.exit()
signal.signal(signal.SIGTERM, told)
did = {"repeated": 0, "overtaken": 0, "damaged": 0, "corrupt": 0}
peer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x800))
peer.bind(("plain", 0))
print("ready", flush=True)
held, seen = None, 0
while True:
    frame, address = peer.recvfrom(2048)
    if address[2] == socket.PACKET_OUTGOING:
        continue
    back = bytearray(frame[6:12] + frame[0:6] + frame[12:])
    seen += 1
    if seen > 100 and held is None:  # those before may be probes
        if seen % 5 == 0:
            did["repeated"] += 1
            peer.send(back)
        elif seen % 7 == 0:
            did["overtaken"] += 1
            held = back
            continue
        elif seen % 11 == 0:
            did["damaged"] += 1
            back[-1] ^= 1
        elif seen % 13 == 0:
            did["corrupt"] += 1
            back[-1] ^= 1
            back[40:42] = bytes(2)  # no UDP checksum: only who reads the message can tell
    peer.send(back)
    if held is not None:
        peer.send(held)
        held = None
"""


def test_what_a_network_may_do_to_packets_is_counted_each_by_itself(lab: Lab, namespaces: tuple[str, str]) -> None:
    """The other end repeats, holds back and damages some of the frames that it returns, and says how many."""
    left, right = namespaces
    argv = ["ip", "netns", "exec", right, sys.executable, "-c", UNFAITHFUL]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        try:
            assert other.stdout.readline() == "ready\n"
            options = words(f"-p 1 --queues 1 --flows 1 --rate 3000 --spread driver --peer-mac {PEER_MAC} --linger")
            program = lab.traffic(["--vdev=net_af_packet0,iface=plain"], *options, netns=left)
            program.wait_ready()
            program.wait_done()
        finally:
            other.terminate()
        did = json.loads(other.stdout.read())
    assert program.stop() == 0, program.errors()
    stats = program.stats()
    assert min(did.values()) > 10
    accounting = stats["accounting"]
    assert accounting["in"] == accounting["out"] + accounting["drops"]
    assert did == {
        "repeated": stats["duplicates"],
        "overtaken": stats["reordered"],
        "damaged": accounting["reasons"]["bad_udp_checksum"],
        "corrupt": stats["corrupt"],
    }
    assert accounting["reasons"]["refused_message"] == did["corrupt"]
    assert 0 < stats["lost"] <= did["damaged"] + did["corrupt"], "neither came back; some of them in the warm-up"
    assert stats["sent"] == stats["returned"] + stats["lost"] == lab.samples()


def test_two_processes_share_a_tap_on_a_bridge(lab: Lab, namespaces: tuple[str, str]) -> None:
    """The tap was made before and stays: the programs need nothing to be done after they started."""
    left, right = namespaces
    group = [lab.smp(i, 2, ["--vdev=net_tap0,iface=tap"], netns=right) for i in range(2)]
    options = words(f"-p 1 --queues 1 --flows 64 --depth 4 --spread driver --peer-mac {PEER_MAC}")
    generator = lab.measure(["--vdev=net_af_packet0,iface=wire"], *options, netns=left)
    stats = stop_group(lab, group)
    assert generator["lost"] == 0
    assert all(0.3 <= share <= 0.7 for share in shares(stats)), shares(stats)
    # Beside the messages it got probes, if not all: the bridge forwards a moment after the tap is up.
    messages = generator["sent"] + generator["warmup_sent"]
    assert messages < sum(each["accounting"]["in"] for each in stats) <= generator["queues"][0]["tx_packets"]
