"""Parameters of `dpdk_apps/simple_mp` as typed values, rendered to argv."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from orchestrator.apps.params import Idle, LoadParams, Options, number

RingMode = Literal["mp_mc", "sp_sc", "rts", "hts"]
DieIn = Literal["none", "idle", "holding", "enqueue", "dequeue"]


@dataclass(frozen=True, kw_only=True)
class SimplePrimaryParams(Options):
    """The primary, which measures."""

    ring: RingMode
    secondaries: int
    oneway_samples: str
    load: LoadParams


@dataclass(frozen=True, kw_only=True)
class SimpleSecondaryParams(Options):
    """One secondary."""

    proc_id: int
    idle: Idle
    stats: str
    die_in: DieIn = "none"
    """Where it kills itself, for tests."""
    die_after_s: float = 0.0

    def argv(self) -> tuple[str, ...]:
        """The program's part of the command line."""
        fault = (f"--die-in={self.die_in}", f"--die-after={number(self.die_after_s)}") if self.die_in != "none" else ()
        return (f"--proc-id={self.proc_id}", f"--idle={self.idle}", f"--stats={self.stats}", *fault)
