"""Faults of the other end: the TCP generator counts them, ends in time, and keeps what it measured.

The programs are the real ones; the faults come from an echo written here.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tcp_programs import DEADLINE_S, LOST, SIZE, echoes, free_port, generator, left, run, start


class Meddler:
    """An echo for one connection that gives `change(number, message)` back instead of each message."""

    def __init__(self, change: Callable[[int, bytes], bytes]) -> None:
        self.change = change
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.server.getsockname()[1])
        self.thread = threading.Thread(target=self.serve)

    def serve(self) -> None:
        connection, _ = self.server.accept()
        with connection, contextlib.suppress(ConnectionError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            number = 0
            while message := connection.recv(SIZE, socket.MSG_WAITALL):
                connection.sendall(self.change(number, message))
                number += 1

    def __enter__(self) -> Meddler:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.close()
        self.thread.join(DEADLINE_S)


def flipped(message: bytes, at: int) -> bytes:
    return message[:at] + bytes([message[at] ^ 0x10]) + message[at + 1 :]


# Far longer than a process waits for its CPU on a busy machine: only the faults made here may time out.
TIMEOUT = ("--warmup", "0", "--timeout-ms", "400")


def test_what_an_echo_loses_doubles_and_changes_is_counted(out: Path, tmp_path: Path) -> None:
    faults: dict[int, Callable[[bytes], bytes]] = {
        3: lambda _: b"",
        5: lambda m: m + m,
        6: lambda m: m + m,
        7: lambda m: flipped(m, SIZE - 1),
        9: lambda m: flipped(m, 20),
    }
    with Meddler(lambda number, m: faults.get(number, bytes)(m)) as meddler:
        arguments = generator(tmp_path, meddler.port, "--mode", "block", "--flows", "1", "--depth", "8")
        done = run(out, "tcp_traffic", *arguments, *TIMEOUT)
    assert done.returncode == 0, done.stderr
    it = left(tmp_path)
    counts = {name: it.stats[name] for name in ("duplicates", "corrupt", "foreign", "late", "unknown", "lost")}
    # What came back wrong did not come back: its place in the loop is freed by the time-out.
    assert counts == {"duplicates": 2, "corrupt": 1, "foreign": 1, "late": 0, "unknown": 0, "lost": 3}
    assert it.stats["accounting"]["reasons"] == {"short": 0, "foreign": 1, "corrupt": 1}
    assert it.stats["accounting"]["out"] == it.stats["sending"]["returned"] + 2
    assert it.stats["stream"] == {"whole": it.stats["accounting"]["in"] * SIZE, "unfinished": 0}
    assert [number for number, ns in enumerate(it.trips) if ns == LOST] == [3, 7, 9]
    assert len(it.trips) > 20


def test_what_comes_after_the_time_out_stays_lost_and_is_counted_late(out: Path, tmp_path: Path) -> None:
    held: list[bytes] = []

    def change(number: int, message: bytes) -> bytes:
        if number == 10:
            held.append(message)
            return b""
        # By number 11 the held one is lost: with depth 1 nothing leaves before its place is free.
        return held.pop() + message if held else message

    with Meddler(change) as meddler:
        arguments = generator(tmp_path, meddler.port, "--mode", "poll", "--flows", "1", "--depth", "1", window=0.6)
        done = run(out, "tcp_traffic", *arguments, *TIMEOUT)
    assert done.returncode == 0, done.stderr
    it = left(tmp_path)
    assert (it.stats["lost"], it.stats["late"], it.stats["duplicates"]) == (1, 1, 0)
    assert it.trips[10] == LOST
    assert len(it.trips) > 20


@pytest.mark.parametrize("mode", ["block", "poll"])
@pytest.mark.parametrize("loop", [("--depth", "1000"), ("--rate", "50000")])
def test_a_peer_that_never_reads_does_not_hold_the_generator(
    out: Path, tmp_path: Path, mode: str, loop: tuple[str, str]
) -> None:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = int(server.getsockname()[1])
        arguments = generator(tmp_path, port, "--mode", mode, "--flows", "1", *loop, "--timeout-ms", "100")
        done = run(out, "tcp_traffic", *arguments, "--size", "65536")
    assert done.returncode == 1
    assert done.stderr == "tcp_traffic: nothing came back\n"
    stats = left(tmp_path).stats
    assert stats["returned"] == 0
    assert stats["tcp"]["send_full"] > 0
    assert stats["window_actual_s"] == pytest.approx(0.2, abs=0.1)


def test_a_killed_server_ends_the_window_and_keeps_what_was_measured(out: Path, tmp_path: Path) -> None:
    with echoes(out, tmp_path, "poll", workers=1) as echo:
        arguments = generator(tmp_path, echo.port, "--mode", "poll", "--flows", "2", "--depth", "4", window=10)
        traffic = start(out, "tcp_traffic", *arguments)
        with pytest.raises(subprocess.TimeoutExpired):
            traffic.communicate(timeout=0.4)
        echo.processes[0].kill()
        _, complaint = traffic.communicate(timeout=DEADLINE_S)
    assert traffic.returncode == 1
    assert complaint.startswith("tcp_traffic: the peer closed ")
    assert complaint.count("\n") == 1
    it = left(tmp_path)
    assert it.stats["ended"] == "peer closed"
    assert it.stats["returned"] > 20
    assert 0.1 < it.stats["window_actual_s"] < 9


def test_half_a_message_at_the_end_is_left_over(out: Path, tmp_path: Path) -> None:
    def change(number: int, message: bytes) -> bytes:
        if number == 20:
            raise ConnectionError  # what closes the connection
        return message + message[: SIZE // 2] if number == 19 else message

    with Meddler(change) as meddler:
        arguments = generator(tmp_path, meddler.port, "--mode", "block", "--flows", "1", "--depth", "1")
        done = run(out, "tcp_traffic", *arguments, *TIMEOUT)
    assert done.returncode == 1
    stats = left(tmp_path).stats
    assert stats["ended"] == "peer closed"
    assert stats["accounting"] == {"in": 20, "out": 20, "drops": 0, "reasons": {"short": 0, "foreign": 0, "corrupt": 0}}
    assert stats["stream"] == {"whole": 20 * SIZE, "unfinished": SIZE // 2}
    assert stats["sending"] == {"sent": 21, "returned": 20, "lost": 0, "out": 1}


def test_failures_name_what_failed(out: Path, tmp_path: Path) -> None:
    port = free_port()
    refused = run(out, "tcp_traffic", *generator(tmp_path, port, "--mode", "block", "--flows", "1", "--depth", "1"))
    assert refused.returncode == 1
    assert refused.stderr == f"tcp_traffic: connection 0 to 127.0.0.1:{port}: Connection refused\n"
    nowhere = tmp_path / "no" / "folder.json"
    arguments = generator(tmp_path, None, "--mode", "poll", "--flows", "1", "--depth", "1", "--stats", str(nowhere))
    unwritten = run(out, "tcp_traffic", *arguments)
    assert unwritten.returncode == 1
    assert unwritten.stderr == f"tcp_traffic: cannot write {nowhere}: No such file or directory\n"
    assert (tmp_path / "samples.bin").stat().st_size > 48
    foreign = [
        "--worker",
        "0",
        "--workers",
        "1",
        "--mode",
        "block",
        "--size",
        "64",
        "--stats",
        str(tmp_path / "e.json"),
    ]
    unbound = run(out, "tcp_echo", "--listen", "198.18.255.254:7000", *foreign)
    assert unbound.returncode == 1
    assert unbound.stderr == "tcp_echo: cannot listen on 198.18.255.254:7000: Cannot assign requested address\n"
