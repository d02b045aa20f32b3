"""Starting the TCP programs on loopback and reading what they leave: helpers of the tests beside this file."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from support import started

SIZE = 64
DEADLINE_S = 20
LOST = 2**32 - 1


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def start(out: Path, program: str, *arguments: str, folder: str = "") -> subprocess.Popen[str]:
    """Start a program and wait until it says that it is ready; `folder` holds it, where it is called otherwise."""
    return started.start([str(out / (folder or program) / program), *arguments])


@contextlib.contextmanager
def echoes(out: Path, folder: Path, mode: str, *more: str, workers: int = 2) -> Iterator[Echo]:
    """Run echo workers on a port of their own; their statistics are in `folder` once the block is left."""
    port = free_port()
    processes = [
        start(
            out, "tcp_echo", "--listen", f"127.0.0.1:{port}", "--worker", str(i), "--workers", str(workers), "--mode",
            mode, "--idle", "yield", "--size", str(SIZE), "--stats", str(folder / f"echo{i}.json"), *more,
        )
        for i in range(workers)
    ]  # fmt: skip
    try:
        yield Echo(port, processes)
    finally:
        for process in processes:
            process.send_signal(signal.SIGINT)
        ends = [process.communicate(timeout=DEADLINE_S)[1] for process in processes]
    assert all(process.returncode in (0, -signal.SIGKILL) for process in processes), ends


@dataclass
class Echo:
    port: int
    processes: list[subprocess.Popen[str]]

    def stats(self, folder: Path) -> list[dict]:
        return [json.loads((folder / f"echo{i}.json").read_text()) for i in range(len(self.processes))]


def generator(folder: Path, port: int | None, *more: str, window: float = 0.2) -> list[str]:
    where = ["--floor"] if port is None else ["--connect", f"127.0.0.1:{port}"]
    return [
        *where, "--size", str(SIZE), "--warmup", "0.05", "--window", str(window), "--tag", "7", "--idle", "yield",
        "--samples", str(folder / "samples.bin"), "--stats", str(folder / "traffic.json"), *more,
    ]  # fmt: skip


def run(out: Path, program: str, *arguments: str, folder: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(out / (folder or program) / program), *arguments],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


@dataclass
class Left:
    """What a generator left: its statistics, the time of the first send and the gaps, and the round trips, in ns."""

    stats: dict
    first: int
    gaps: tuple[int, ...]
    trips: tuple[int, ...]

    @property
    def returned(self) -> list[int]:
        return [ns for ns in self.trips if ns != LOST]


def check_books(stats: dict) -> None:
    """What holds for every TCP generator, whatever became of its run: each byte and message is accounted for."""
    books, sending, (queue,) = stats["accounting"], stats["sending"], stats["queues"]
    assert books["in"] == books["out"] + books["drops"] == queue["rx_packets"]
    assert books["drops"] == sum(books["reasons"].values())
    assert books["reasons"] == {reason: stats[reason] for reason in ("short", "foreign", "corrupt")}
    assert queue["rx_bytes"] == stats["stream"]["whole"] + stats["stream"]["unfinished"]
    assert sending["sent"] == sending["returned"] + sending["lost"] + sending["out"]
    assert sending["sent"] == stats["sent"] + stats["warmup_sent"]


def left(folder: Path) -> Left:
    """Read both files and check what holds for every run: they agree, and every message is accounted for."""
    stats = json.loads((folder / "traffic.json").read_text())
    data = (folder / "samples.bin").read_bytes()
    magic, version, flags, count, first, hz, reserved = struct.unpack_from("<8sIIQQdQ", data)
    assert (magic, version, flags, reserved) == (b"DPLATENC", 1, 0, 0)
    assert len(data) == 48 + 8 * count
    assert hz == stats["ticks_per_s"]
    result = Left(
        stats, first, struct.unpack_from(f"<{count}I", data, 48), struct.unpack_from(f"<{count}I", data, 48 + 4 * count)
    )
    assert stats["sent"] == count == stats["returned"] + stats["lost"]
    check_books(stats)
    assert len(result.returned) == stats["returned"]
    # An open loop that was kept from running when the window began sends what was due before: late by its round trip.
    late = max(result.returned, default=0) if stats["loop"] == "open" else 0
    assert first + sum(result.gaps) <= stats["window_actual_s"] * 1e9 + 1 + late
    assert sorted(p for p in folder.iterdir() if "partial" in p.name) == []
    return result
