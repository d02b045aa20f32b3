"""simple_mp started directly: a primary and its secondaries in a lab."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from support.dpdk_lab import Lab, Program, cpu, words

from orchestrator.results.samples import LOST, Samples, read_recorder

TAG = 7
# More than goes over the rings of any machine at the depths of the tests, in a window that is not cut short.
MESSAGES_PER_S = 8e6
MOST_SAMPLES = 13_000_000


@dataclass(frozen=True)
class Simple:
    """One group in a lab."""

    lab: Lab
    prefix: str = "simple"

    def primary(
        self,
        options: str = "--depth 1",
        *,
        ring: str = "mp_mc",
        secondaries: int = 1,
        size: int = 64,
        window_s: float = 0.3,
        ready: bool = True,
    ) -> Program:
        """A primary that measures, and stays when it is done."""
        room = min(MOST_SAMPLES, int(MESSAGES_PER_S * (window_s + 0.1)))
        own = words(f"--ring {ring} --secondaries {secondaries} --flows 1 --size {size} --warmup 0.1 --idle yield")
        own += words(f"--window {window_s} --tag {TAG} --max-samples {room} --linger")
        # On a busy machine a process may be off its CPU for as long as a message usually has.
        own += words(f"--timeout-ms 2000 {options}")
        own += ["--samples", str(self.samples_path), "--oneway-samples", str(self.oneway_path)]
        program = self.lab.start("simple_mp", "primary", [*self.lab.eal(self.prefix, 0, cpu(1)), "--", *own])
        if ready:
            program.wait_ready()
        return program

    def secondary(
        self, proc_id: int = 1, options: str = "", *, lcore: int | None = None, ready: bool = True
    ) -> Program:
        """A secondary; its number is its lcore id, too."""
        own = words(f"--proc-id {proc_id} --idle yield {options}")
        eal = self.lab.eal(self.prefix, proc_id if lcore is None else lcore, cpu(0), "secondary")
        program = self.lab.start("simple_mp", f"secondary{proc_id}", [*eal, "--", *own])
        if ready:
            program.wait_ready()
        return program

    def group(self, options: str = "--depth 1", **asked: Any) -> list[Program]:
        """A primary and all of its secondaries, which measure from then on."""
        primary = self.primary(options, **asked)
        return [primary, *(self.secondary(number + 1) for number in range(int(asked.get("secondaries", 1))))]

    def stop(self, group: list[Program]) -> list[dict[str, Any]]:
        """Wait until the primary has measured, then stop the secondaries, then it; all statistics, the primary's
        first."""
        primary, *secondaries = group
        primary.wait_done()
        for program in (*secondaries, primary):
            assert program.stop() == 0, program.errors()
        check_books(primary.stats())
        return [program.stats() for program in group]

    @property
    def samples_path(self) -> Path:
        """Where round trips go."""
        return self.lab.path / "primary.samples.bin"

    @property
    def oneway_path(self) -> Path:
        """Where the ways there go."""
        return self.lab.path / "primary.oneway.samples.bin"

    def samples(self) -> tuple[Samples, Samples]:
        """Round trips and ways there of the last measurement."""
        return read_recorder(self.samples_path), read_recorder(self.oneway_path)


def check_books(stats: dict[str, Any]) -> None:
    """What holds for every primary that measured, whatever became of its secondaries."""
    books, sending, (queue,) = stats["accounting"], stats["sending"], stats["queues"]
    assert books["in"] == books["out"] + books["drops"] == queue["rx_packets"]
    assert books["in"] == sum(each["returned"] for each in stats["secondaries"])
    assert books["reasons"] == {reason: stats[reason] for reason in ("short", "foreign", "corrupt")}
    assert books["drops"] == sum(books["reasons"].values()) == queue["drops"]["refused_message"]
    assert sending["sent"] == sending["returned"] + sending["lost"] + sending["out"] == queue["tx_packets"]
    assert sending["sent"] == stats["sent"] + stats["warmup_sent"]


def returned(samples: Samples) -> npt.NDArray[np.bool_]:
    """Which of the messages have a time."""
    found: npt.NDArray[np.bool_] = samples.rtt_ns != LOST
    return found
