"""The TCP twin of client-server end to end on loopback, built with sanitizers: every process here is the real one."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tcp_programs import DEADLINE_S, SIZE, free_port, generator, left, run, start

FOLDER = "tcp_dispatch"
NOTHING_WRONG = ("lost", "duplicates", "late", "unknown", "reordered", "corrupt", "foreign", "short")


@dataclass
class Group:
    """A dispatcher and its workers."""

    folder: Path
    port: int
    dispatcher: subprocess.Popen[str]
    workers: list[subprocess.Popen[str]]

    def stats(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / f"{name}.json").read_text())
        return found

    @property
    def of_workers(self) -> list[dict[str, Any]]:
        return [self.stats(f"worker{number}") for number in range(len(self.workers))]

    def ended(self, process: subprocess.Popen[str]) -> tuple[int, str]:
        """Wait for the end of a process; its exit code and what it said."""
        _, said = process.communicate(timeout=DEADLINE_S)
        return process.returncode, said


def dispatcher_argv(folder: Path, port: int, way: str, mode: str, workers: int) -> list[str]:
    return [
        *("--listen", f"127.0.0.1:{port}", "--socket", str(folder / "workers.sock"), "--workers", str(workers)),
        *("--dispatch", way, "--mode", mode, "--idle", "yield", "--size", str(SIZE)),
        *("--stats", str(folder / "dispatcher.json")),
    ]


def worker_argv(folder: Path, number: int, mode: str) -> list[str]:
    return [
        *("--socket", str(folder / "workers.sock"), "--worker", str(number), "--mode", mode, "--idle", "yield"),
        *("--stats", str(folder / f"worker{number}.json")),
    ]


@contextlib.contextmanager
def group(
    out: Path, folder: Path, way: str, mode: str, *, workers: int = 2, sleeper: int = -1, orderly: bool = True
) -> Iterator[Group]:
    """Run a dispatcher and its workers; workers are asked to end first, as a run does it, unless something died."""
    port = free_port()
    dispatcher = start(out, "tcp_dispatcher", *dispatcher_argv(folder, port, way, mode, workers), folder=FOLDER)
    started = [dispatcher]
    try:
        for number in range(workers):
            sleep = ("--sleep-us", "20000") if number == sleeper else ()
            started.append(start(out, "tcp_worker", *worker_argv(folder, number, mode), *sleep, folder=FOLDER))
        yield Group(folder, port, dispatcher, started[1:])
        for process in (*started[1:], dispatcher) if orderly else ():
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=DEADLINE_S)[1]
            assert (process.returncode, said) == (0, "")
    finally:
        for process in started:
            process.kill()
            process.communicate(timeout=DEADLINE_S)


def check(stats: dict[str, Any]) -> None:
    """In is out and drops, as a whole and member by member."""
    total = stats["accounting"]
    assert total["in"] == total["out"] + total["drops"]
    assert total["drops"] == sum(total.get("reasons", {"": total["drops"]}).values())
    for member in stats.get("members", ()):
        assert member["in"] == member["out"] + sum(member["drops"].values())


@pytest.mark.parametrize("mode", ["block", "poll"])
@pytest.mark.parametrize(("loop", "flows"), [(("--depth", "1"), 1), (("--depth", "24"), 12), (("--rate", "2000"), 4)])
def test_handoff_gives_each_worker_its_connections(
    out: Path, tmp_path: Path, mode: str, loop: tuple[str, str], flows: int
) -> None:
    with group(out, tmp_path, "handoff", mode) as g:
        done = run(out, "tcp_traffic", *generator(tmp_path, g.port, "--mode", mode, "--flows", str(flows), *loop))
        assert (done.returncode, done.stderr) == (0, "")
    sent = left(tmp_path).stats
    assert [sent[key] for key in NOTHING_WRONG] == [0] * 8
    stats = g.stats("dispatcher")
    assert stats["accounting"] == {
        "in": flows, "out": flows, "drops": 0,
        "reasons": {"no_worker": 0, "worker_busy": 0, "peer_closed": 0, "stopped": 0},
    }  # fmt: skip
    check(stats)
    connections = [member["out"] for member in stats["members"]]
    assert connections == [worker["connections"] for worker in g.of_workers] == [(flows + 1) // 2, flows // 2]
    assert sum(worker["accounting"]["in"] for worker in g.of_workers) == sent["sent"] + sent["warmup_sent"]
    for worker in g.of_workers:
        assert worker["ended"] == "signal"
        check(worker)


@pytest.mark.parametrize("mode", ["block", "poll"])
@pytest.mark.parametrize(("loop", "flows"), [(("--depth", "1"), 1), (("--depth", "24"), 12), (("--rate", "2000"), 4)])
def test_relay_gives_each_worker_every_other_message_and_its_answer_back(
    out: Path, tmp_path: Path, mode: str, loop: tuple[str, str], flows: int
) -> None:
    with group(out, tmp_path, "relay", mode) as g:
        done = run(out, "tcp_traffic", *generator(tmp_path, g.port, "--mode", mode, "--flows", str(flows), *loop))
        assert (done.returncode, done.stderr) == (0, "")
    sent = left(tmp_path).stats
    wrong = {key: sent[key] for key in NOTHING_WRONG if key != "reordered"}
    assert wrong == dict.fromkeys(wrong, 0)
    stats = g.stats("dispatcher")
    check(stats)
    messages = sent["sent"] + sent["warmup_sent"]
    assert (stats["accounting"]["in"], stats["accounting"]["out"]) == (messages, messages)
    first, second = (member["in"] for member in stats["members"])
    assert abs(first - second) <= 1
    for member, worker in zip(stats["members"], g.of_workers, strict=True):
        assert member["out"] == worker["accounting"]["in"] == worker["accounting"]["out"]
        assert (worker["connections"], worker["queues"][0]["driver"]) == (1, "unix")


def test_a_message_in_parts_is_relayed_when_it_is_whole_and_two_in_one_piece_are_two(out: Path, tmp_path: Path) -> None:
    first, second = bytes(range(SIZE)), bytes(reversed(range(SIZE)))
    with (
        group(out, tmp_path, "relay", "block") as g,
        socket.create_connection(("127.0.0.1", g.port), DEADLINE_S) as peer,
    ):
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer.sendall(first[:10])
        peer.settimeout(0.1)
        with pytest.raises(TimeoutError):
            peer.recv(1)
        peer.settimeout(DEADLINE_S)
        peer.sendall(first[10:] + second)
        answers = b""
        while len(answers) < 2 * SIZE:
            answers += peer.recv(2 * SIZE)
        # Two workers had one each: either may be first.
        assert answers in (first + second, second + first)
        peer.sendall(first[:7])
    stats = g.stats("dispatcher")
    check(stats)
    assert stats["accounting"]["in"] == 2
    assert stats["partial_bytes"] == 7


def test_answers_to_a_connection_that_is_gone_are_counted(out: Path, tmp_path: Path) -> None:
    with group(out, tmp_path, "relay", "poll", sleeper=0) as g:
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", g.port), DEADLINE_S) as peer:
                peer.sendall(bytes(SIZE) * 64)
                peer.recv(1)  # an answer: the dispatcher has the messages
        # Another connection in the same place gets its own answers only.
        done = run(out, "tcp_traffic", *generator(tmp_path, g.port, "--mode", "poll", "--flows", "1", "--depth", "2"))
        assert (done.returncode, done.stderr) == (0, "")
    assert [left(tmp_path).stats[key] for key in ("corrupt", "foreign", "unknown", "lost")] == [0] * 4
    stats = g.stats("dispatcher")
    check(stats)
    assert stats["accounting"]["reasons"]["peer_closed"] > 0


def test_a_sleeping_worker_loses_nothing_but_holds_its_messages(out: Path, tmp_path: Path) -> None:
    with group(out, tmp_path, "handoff", "block", sleeper=1) as g:
        arguments = generator(tmp_path, g.port, "--mode", "block", "--flows", "2", "--rate", "500", window=0.5)
        done = run(out, "tcp_traffic", *arguments)
        assert (done.returncode, done.stderr) == (0, "")
    it = left(tmp_path)
    assert it.stats["lost"] == 0
    # Half of the messages are of the sleeper's connection: they wait up to 20 ms, 10 on average.
    ordered = sorted(it.returned)
    assert ordered[len(ordered) * 3 // 4] > 5_000_000
    assert [worker["accounting"]["drops"] for worker in g.of_workers] == [0, 0]


@pytest.mark.parametrize("way", ["handoff", "relay"])
@pytest.mark.parametrize("mode", ["block", "poll"])
def test_workers_end_within_a_second_when_the_dispatcher_is_killed(
    out: Path, tmp_path: Path, way: str, mode: str
) -> None:
    with group(out, tmp_path, way, mode, orderly=False) as g:
        arguments = generator(tmp_path, g.port, "--mode", mode, "--flows", "4", "--depth", "8", window=10)
        traffic = start(out, "tcp_traffic", *arguments)
        g.dispatcher.kill()
        killed = time.monotonic()
        ends = [g.ended(worker) for worker in g.workers]
        took = time.monotonic() - killed
        traffic.kill()
        traffic.communicate(timeout=DEADLINE_S)
    assert took < 1.0
    for number, (code, said) in enumerate(ends):
        assert code == 3
        path = tmp_path / f"worker{number}.json"
        assert said == f"tcp_worker: the dispatcher is gone: ending, with the statistics in {path}\n"
        assert g.stats(f"worker{number}")["ended"] == "primary died"
        check(g.stats(f"worker{number}"))


@pytest.mark.parametrize("way", ["handoff", "relay"])
def test_a_worker_that_dies_ends_the_others_with_a_word(out: Path, tmp_path: Path, way: str) -> None:
    with group(out, tmp_path, way, "block", orderly=False) as g:
        arguments = generator(tmp_path, g.port, "--mode", "block", "--flows", "4", "--depth", "8", window=10)
        traffic = start(out, "tcp_traffic", *arguments)
        g.workers[1].kill()
        dispatcher, worker = g.ended(g.dispatcher), g.ended(g.workers[0])
        generator_end = g.ended(traffic)
    assert dispatcher == (1, "tcp_dispatcher: worker 1 is gone: ending, and the others with it\n")
    assert worker[0] == 3
    assert generator_end[0] == 1
    stats = g.stats("dispatcher")
    assert stats["ended"] == "worker died"
    check(stats)


def test_starts_that_cannot_work_are_refused(out: Path, tmp_path: Path) -> None:
    early = run(out, "tcp_worker", *worker_argv(tmp_path, 0, "block"), folder=FOLDER)
    assert early.returncode == 1
    assert "start tcp_dispatcher first" in early.stderr
    with group(out, tmp_path, "handoff", "block") as g:
        same = run(out, "tcp_worker", *worker_argv(tmp_path, 1, "block"), folder=FOLDER)
        assert "--worker 1 belongs to another process" in same.stderr
        none = run(out, "tcp_worker", *worker_argv(tmp_path, 2, "block"), folder=FOLDER)
        assert "--worker 2: the dispatcher has fewer workers" in none.stderr
        assert (same.returncode, none.returncode) == (1, 1)
        taken = run(out, "tcp_dispatcher", *dispatcher_argv(tmp_path, free_port(), "relay", "block", 1), folder=FOLDER)
        assert (taken.returncode, "cannot listen on --socket" in taken.stderr) == (1, True)
        # None of them harmed the group.
        done = run(out, "tcp_traffic", *generator(tmp_path, g.port, "--mode", "block", "--flows", "2", "--depth", "2"))
        assert (done.returncode, done.stderr) == (0, "")
    wrong = run(out, "tcp_dispatcher", "--dispatch", "each", folder=FOLDER)
    assert (wrong.returncode, "--dispatch 'each': write handoff or relay" in wrong.stderr) == (2, True)
    missing = run(out, "tcp_worker", "--socket", "x", folder=FOLDER)
    assert (missing.returncode, "--worker is missing" in missing.stderr) == (2, True)
    for program in ("tcp_dispatcher", "tcp_worker"):
        assert run(out, program, "--help", folder=FOLDER).stdout.startswith(f"{program}: ")
