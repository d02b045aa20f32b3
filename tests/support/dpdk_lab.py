"""A folder with a hugetlbfs of its own, in which tests start symmetric_mp and traffic directly."""

from __future__ import annotations

import json
import os
import select
import signal
import struct
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

READY_S = 10.0
END_S = 10.0


def words(line: str) -> list[str]:
    return line.split()


def cpu(wanted: int) -> int:
    """A CPU that we may use."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[wanted % len(allowed)]


@dataclass
class Program:
    """A started program and the statistics that it is to leave."""

    process: subprocess.Popen[str]
    stats_path: Path
    err_path: Path
    ready: str = ""

    def wait_ready(self) -> None:
        self.ready = self.next_line(READY_S)
        assert self.ready.startswith("@ready"), f"not ready: {self.errors()}"

    def wait_done(self) -> None:
        line = self.next_line(END_S)
        assert line == "@done\n", f"not done: {self.errors()}"

    def next_line(self, within_s: float) -> str:
        """The next line on stdout; empty at its end, or when none comes in time."""
        assert self.process.stdout is not None
        answered, _, _ = select.select([self.process.stdout], [], [], within_s)
        return self.process.stdout.readline() if answered else ""

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send a signal and wait for the end; returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(END_S)

    def stats(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self.stats_path.read_text())
        return read

    def errors(self) -> str:
        return self.err_path.read_text()


@dataclass
class Lab:
    """A folder with a hugetlbfs of its own, and the programs that one test started."""

    path: Path
    binaries: Path
    started: list[Program] = field(default_factory=list)
    lingering: list[Program] = field(default_factory=list)
    """Generators that are done and stay until the group has stopped: a memif poller may crash when its peer ends."""

    @property
    def huge(self) -> Path:
        return self.path / "huge"

    def vdevs(self, role: str, ports: int) -> list[str]:
        return [
            f"--vdev=net_memif{i},role={role},id={i},socket-abstract=no,socket={self.path}/memif{i}.sock"
            for i in range(ports)
        ]

    def eal(self, prefix: str, lcore: int, on: int, proc_type: str = "primary") -> list[str]:
        return [
            *("--no-pci", "--no-telemetry", "--huge-dir", str(self.huge), "--log-level=*:warning"),
            *("--file-prefix", f"{self.path.name}-{prefix}", "--proc-type", proc_type, "--lcores", f"{lcore}@{on}"),
        ]

    def start(self, app: str, name: str, argv: list[str], netns: str | None = None, folder: str = "") -> Program:
        """Start a program; `folder` holds it, where it is not called like the program."""
        err = self.path / f"{name}.err"
        stats = self.path / f"{name}.json"
        stats.unlink(missing_ok=True)
        enter = ["ip", "netns", "exec", netns] if netns else []
        with err.open("w") as stderr:
            process = subprocess.Popen(
                [*enter, str(self.binaries / (folder or app) / app), *argv, "--stats", str(stats)],
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        program = Program(process, stats, err)
        self.started.append(program)
        return program

    def smp(  # the options that tests turn
        self,
        proc_id: int,
        procs: int,
        vdevs: list[str],
        *,
        mask: str = "1",
        lcore: int | None = None,
        proc_type: str = "",
        name: str = "",
        netns: str | None = None,
        ready: bool = True,
    ) -> Program:
        kind = proc_type or ("primary" if proc_id == 0 else "secondary")
        eal = self.eal("sut", proc_id if lcore is None else lcore, cpu(1), kind)
        own = ["-p", mask, f"--num-procs={procs}", "--proc-id", str(proc_id), "--idle", "yield", "--rx-desc", "256"]
        argv = [*eal, *(vdevs if kind == "primary" else []), "--", *own, "--tx-desc", "256"]
        program = self.start("symmetric_mp", name or f"smp{proc_id}", argv, netns)
        if ready:
            program.wait_ready()
        return program

    def group(self, procs: int, ports: int = 1) -> list[Program]:
        mask = hex((1 << ports) - 1)
        return [self.smp(i, procs, self.vdevs("server", ports), mask=mask) for i in range(procs)]

    def traffic(
        self, vdevs: list[str], *options: str, netns: str | None = None, size: int = 64, window: float = 0.3
    ) -> Program:
        argv = [*self.eal("gen", 0, cpu(0)), *vdevs, "--", "--size", str(size), "--warmup", "0.1"]
        argv += ["--window", str(window), "--idle", "yield", "--rx-desc", "256"]
        argv += ["--max-samples", "1000000", "--tx-desc", "256", "--samples", str(self.path / "samples.bin"), *options]
        return self.start("traffic", "traffic", argv, netns)

    def measure(self, vdevs: list[str], *options: str, netns: str | None = None, size: int = 64) -> dict[str, Any]:
        """Run the generator to its end; returns its statistics after checking that every packet is accounted for."""
        program = self.traffic(vdevs, "--linger", *options, netns=netns, size=size)
        program.wait_ready()
        program.wait_done()
        self.lingering.append(program)
        stats = program.stats()
        assert stats["sent"] == stats["returned"] + stats["lost"] == self.samples()
        assert [stats[key] for key in ("duplicates", "unknown", "corrupt", "foreign", "short")] == [0] * 5
        return stats

    def samples(self) -> int:
        raw = (self.path / "samples.bin").read_bytes()
        magic, version, _, count = struct.unpack_from("<8sIIQ", raw)
        assert (magic, version, len(raw)) == (b"DPLATENC", 1, 48 + 8 * count)
        return int(count)

    def map_files(self) -> list[str]:
        return [path.name for path in self.huge.iterdir()]

    def stop_generators(self) -> None:
        """End those that linger; the groups that they talked to have stopped. Their buffers are all back then."""
        while self.lingering:
            program = self.lingering.pop()
            assert program.stop() == 0
            pool = program.stats()["pool"]
            assert 0 <= pool["in_use_at_end"] == sum(pool["explained"].values()) < pool["size"], pool

    def end(self) -> None:
        self.lingering.clear()
        for program in self.started:
            if program.process.poll() is None:
                program.process.kill()
            program.process.wait(END_S)
            assert program.process.stdout is not None
            program.process.stdout.close()
        self.started.clear()
        for left in [*self.huge.iterdir(), *self.path.glob("*.sock")]:
            left.unlink()


def spend(program: Program, seconds: float) -> None:
    """Wait until a program has been on its CPU for so long."""
    until = cpu_seconds(program) + seconds
    deadline = time.monotonic() + END_S
    while cpu_seconds(program) < until:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def cpu_seconds(program: Program) -> float:
    """Time that a program has spent on its CPU."""
    times = Path(f"/proc/{program.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")
