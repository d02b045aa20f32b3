"""simple_mp started directly: what is shared, who is refused, every ring mode, and the one-way times."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
from support.dpdk_lab import END_S, Lab, Program
from support.lab_home import build_apps
from support.simple_lab import Simple, check_books, returned

MODES = ("mp_mc", "sp_sc", "rts", "hts")


def refusal(program: Program) -> str:
    """The last line of a program that ended by itself, having nothing to report."""
    assert program.process.wait(END_S) in (1, 2)
    assert not program.stats_path.exists()
    return program.errors().splitlines()[-1]


def test_the_primary_makes_two_rings_and_one_mempool_and_nothing_else(simple: Simple) -> None:
    primary, secondary = simple.stop(simple.group())
    rings = {name for name in primary["memzones"] if name.startswith("RG_") and not name.startswith("RG_MP_")}
    assert rings == {"RG_simple_mp_down", "RG_simple_mp_up"}
    # DPDK keeps a mempool in memory zones of its own: its head, the ring of free objects, and pieces of memory.
    assert all(name.removeprefix("RG_").startswith("MP_simple_mp_pool") for name in set(primary["memzones"]) - rings)
    assert len(set(primary["memzones"]) - rings) >= 3
    assert "memzones" not in secondary


@pytest.mark.parametrize("ring", MODES)
@pytest.mark.parametrize("size", [8, 31, 32, 2048])
def test_every_message_comes_back_whole_in_every_ring_mode(simple: Simple, ring: str, size: int) -> None:
    group = simple.group("--depth 3", ring=ring, size=size, window_s=0.1)
    assert group[0].ready == f"@ready ring={ring} secondaries=1\n"
    primary, secondary = simple.stop(group)
    assert primary["ended"] == "done"
    assert primary["sent"] == primary["returned"] > 100
    wrong = ("lost", "duplicates", "late", "unknown", "reordered", "corrupt", "foreign", "short", "deaths")
    assert {primary[name] for name in wrong} == {0}
    (queue,) = secondary["queues"]
    assert queue["driver"] == ring
    assert queue["rx_packets"] == primary["queues"][0]["tx_packets"]
    assert queue["rx_bytes"] == queue["rx_packets"] * size
    assert secondary["corrupt"] == 0, "the secondary read every byte"
    assert secondary["accounting"] == {"in": queue["rx_packets"], "out": queue["tx_packets"], "drops": 0}
    assert primary["pool"] == {"size": 2047, "in_use_at_end": 0, "explained": {"killed": 0, "ring_stuck": 0}}
    assert primary["accounting"]["in"] == primary["accounting"]["out"] == queue["tx_packets"]
    assert primary["sending"] == {"sent": queue["rx_packets"], "returned": queue["tx_packets"], "lost": 0, "out": 0}


def test_the_way_there_is_part_of_every_round_trip(simple: Simple) -> None:
    primary, _ = simple.stop(simple.group("--depth 4"))
    round_trips, there = simple.samples()
    assert len(round_trips) == len(there) == primary["sent"] > 100
    assert (returned(round_trips) == returned(there)).all()
    assert (there.rtt_ns <= round_trips.rtt_ns).all()
    assert there.rtt_ns.min() > 0
    assert np.median(there.rtt_ns) > 0.1 * np.median(round_trips.rtt_ns)


def test_an_open_loop_sends_on_schedule(simple: Simple) -> None:
    primary, _ = simple.stop(simple.group("--rate 5000"))
    assert primary["loop"] == "open"
    assert primary["sent"] == pytest.approx(5000 * 0.3, rel=0.02)
    assert primary["lost"] == 0


@pytest.mark.parametrize("ring", ["mp_mc", "rts", "hts"])
def test_all_secondaries_are_served_and_what_they_overtake_is_not_called_reordered(simple: Simple, ring: str) -> None:
    stats = simple.stop(simple.group("--depth 32", ring=ring, secondaries=4, window_s=0.5))
    primary, *secondaries = stats
    assert primary["lost"] == 0
    assert primary["reordered"] == 0
    assert all(each["accounting"]["in"] > 0 for each in secondaries)
    by_id = {entry["proc_id"]: entry["returned"] for entry in primary["secondaries"]}
    assert by_id == {each["proc_id"]: each["accounting"]["out"] for each in secondaries}


def test_the_floor_needs_no_secondary(simple: Simple) -> None:
    primary = simple.primary("--depth 1 --floor", window_s=0.1)
    primary.wait_done()
    assert primary.stop() == 0
    stats = primary.stats()
    assert stats["floor"]
    assert stats["returned"] == stats["sent"] > 100
    assert stats["recorder_full"] is False
    check_books(stats)


def test_a_secondary_without_its_primary_is_refused(simple: Simple) -> None:
    line = refusal(simple.secondary(ready=False))
    assert f"no primary runs with --file-prefix {simple.lab.path.name}-simple" in line
    assert "start the primary first" in line


def test_a_secondary_with_another_prefix_finds_no_primary(simple: Simple) -> None:
    simple.primary()
    line = refusal(Simple(simple.lab, "other").secondary(ready=False))
    assert f"no primary runs with --file-prefix {simple.lab.path.name}-other" in line
    assert "the same --file-prefix" in line


def test_a_primary_of_another_program_is_refused(simple: Simple) -> None:
    lab = simple.lab
    argv = [*lab.eal("simple", 0, 0), *lab.vdevs("server", 1), "--", "-p", "1", "--num-procs=1", "--proc-id=0"]
    lab.start("symmetric_mp", "other", [*argv, "--rx-desc=256", "--tx-desc=256"]).wait_ready()
    line = refusal(simple.secondary(ready=False))
    assert f"the primary with --file-prefix {lab.path.name}-simple is no simple_mp" in line


def test_a_primary_of_another_version_is_refused(simple: Simple, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = build_apps(tmp_path_factory.mktemp("other") / "build", ["simple_mp"], "-Dc_args=-DSPACE_VERSION=99")
    newer = Simple(Lab(simple.lab.path, other, simple.lab.started))
    newer.primary()
    line = refusal(simple.secondary(ready=False))
    assert (
        f"--file-prefix {simple.lab.path.name}-simple has version 99 of the shared memory, this program knows 1" in line
    )


def test_places_and_lcores_are_given_once(simple: Simple) -> None:
    primary = simple.primary(secondaries=2)
    first = simple.secondary(1)
    again = refusal(simple.secondary(1, lcore=5, ready=False))
    assert f"--proc-id 1 belongs to process {first.process.pid} already" in again
    same_lcore = refusal(simple.secondary(2, lcore=0, ready=False))
    assert f"lcore id 0 is that of process {primary.process.pid}" in same_lcore
    beyond = refusal(simple.secondary(3, ready=False))
    assert "--proc-id 3, but the primary was started with --secondaries 2" in beyond
    simple.stop([primary, first, simple.secondary(2)])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--depth 1 --ring sp_sc --secondaries 2", "one producer and one consumer"),
        ("--depth 1 --size 7", "--size '7': write a whole number from 8 to 2048"),
        ("--depth 1 --size 2049", "--size '2049'"),
        ("--depth 2000", "at most 1024"),
        ("--interactive", "--stats with --interactive: nothing is measured"),
    ],
)
def test_what_cannot_be_measured_is_refused(simple: Simple, options: str, says: str) -> None:
    assert says in refusal(simple.primary(options, ready=False))


def test_all_end_when_the_primary_is_killed(simple: Simple) -> None:
    primary, *secondaries = simple.group("--depth 1", secondaries=2, window_s=5)
    primary.process.kill()
    for secondary in secondaries:
        assert secondary.process.wait(1.0) == 3
        assert secondary.stats()["ended"] == "primary died"


def test_what_a_person_sends_waits_for_a_secondary(simple: Simple) -> None:
    argv = [*simple.lab.eal("simple", 0, 0), "--", "--ring=mp_mc", "--secondaries=1", "--interactive"]
    program = simple.lab.binaries / "simple_mp" / "simple_mp"
    with subprocess.Popen(
        [str(program), *argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as primary:
        assert primary.stdin is not None
        assert primary.stdout is not None
        assert primary.stderr is not None
        assert primary.stdout.readline().startswith("@ready")
        primary.stdin.write("send for whoever comes\n")
        primary.stdin.flush()
        assert "no secondary took it yet" in primary.stderr.readline()
        secondary = simple.secondary()
        _, said = primary.communicate("send at once\nquit\n", END_S)
        assert primary.returncode == 0
    assert secondary.process.wait(END_S) == 0
    assert secondary.errors() == "simple_mp: received: for whoever comes\nsimple_mp: received: at once\n"
    assert said.count("secondary 1 has it") == 2


def test_a_person_sends_words_with_spaces(simple: Simple) -> None:
    lab = simple.lab
    argv = [*lab.eal("simple", 0, 0), "--", "--ring=mp_mc", "--secondaries=1", "--interactive"]
    program = lab.binaries / "simple_mp" / "simple_mp"
    with subprocess.Popen(
        [str(program), *argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as primary:
        assert primary.stdin is not None
        assert primary.stdout is not None
        assert primary.stdout.readline().startswith("@ready")
        secondary = simple.secondary()
        _, said = primary.communicate("send hello,  two words\nsend\nshout\n\nsend " + "x" * 2049 + "\nquit\n", END_S)
        assert primary.returncode == 0
    assert secondary.process.wait(END_S) == 0
    assert secondary.errors() == "simple_mp: received: hello,  two words\n"
    assert secondary.stats()["ended"] == "primary ended"
    assert "secondary 1 has it" in said
    assert "send what?" in said
    assert "'shout' is no command; there are: send <text>, quit" in said
    assert "2049 bytes are too many" in said
