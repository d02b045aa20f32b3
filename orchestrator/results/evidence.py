"""What a trial is judged on: all that is known of it, and the two kinds of verdict that come of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from orchestrator.apps.process import PlannedProcess
from orchestrator.experiments.records import TrialRecord
from orchestrator.results.content_proof import Proof
from orchestrator.results.model import Accounting, PoolBalance, ProbeShift, ProtocolCounts, ThreadReading, Verdict
from orchestrator.results.packet_counts import Comparison
from orchestrator.results.stats import ProcessStats


@dataclass(frozen=True)
class Evidence:
    """All that is known of a trial when it is judged."""

    record: TrialRecord
    measuring: PlannedProcess | None
    """The generator of the trial."""
    stats: dict[str, ProcessStats]
    """By process; a process that left no stats is missing."""
    problems: tuple[str, ...] = ()
    """What could not be read, one line each."""
    samples: int = 0
    saturated: bool = False
    drift: tuple[float, float] | None = None
    threads: tuple[ThreadReading, ...] = ()
    accounting: tuple[Accounting, ...] = ()
    generator_accounting: Accounting | None = None
    protocol: tuple[ProtocolCounts, ...] = ()
    pools: tuple[PoolBalance, ...] = ()
    probes: tuple[ProbeShift, ...] = ()
    counts: Comparison = field(default_factory=Comparison)
    """What came of the comparison of everybody's counts."""
    proof: Proof | None = None
    """What came of the comparison of captured packets, where the trial was to keep some."""

    @property
    def generator(self) -> ProcessStats | None:
        """The generator's stats, if it left any."""
        return self.stats.get(self.measuring.name) if self.measuring else None

    @property
    def faults_asked(self) -> bool:
        """Whether faults are done to the packets of this trial on purpose."""
        return bool(self.record.trial.params.get("fault"))


def invalid(reason: str, detail: str) -> Verdict:
    """A verdict that takes the trial out of its row's numbers."""
    return Verdict(name=f"invalid: {reason}", detail=detail, invalid=True)


def mark(name: str, detail: str) -> Verdict:
    """A verdict that travels with the trial and excludes nothing."""
    return Verdict(name=name, detail=detail, invalid=False)
