"""What came of one trial: the numbers of its row, its verdicts, and what was read back of its threads.

Round trips are in nanoseconds, times in seconds, counts in packets (for TCP: messages).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from orchestrator.experiments.records import Record, TrialRecord


class Verdict(Record):
    """Something that a reader of a trial's numbers must know. `invalid`: the numbers do not count."""

    name: str
    """Short and the same wherever it is shown: `oversubscribed`, `drift`, `invalid: load not reached`, ..."""
    detail: str
    """One line with the figures behind it."""
    invalid: bool


class ThreadReading(Record):
    """A thread of a process of the trial: where it was planned, was allowed to run, and ran last."""

    process: str
    host: str
    name: str
    planned_cpus: tuple[int, ...]
    allowed: str
    last_cpu: int
    voluntary_switches: int
    involuntary_switches: int


class Share(Record):
    """Packets that one process of the system under test received, and their fraction of all; 0 of 0 is 0."""

    process: str
    packets: int
    fraction: float


class Accounting(Record):
    """Whether a process can say where each packet went: packets_in = packets_out + drops."""

    process: str
    """Of a part of a process, `<process>/<part>`."""
    packets_in: int
    packets_out: int
    drops: int
    reasons: dict[str, int] = Field(default_factory=dict)
    """The drops by their reason; reasons without a drop are left out."""

    @property
    def balanced(self) -> bool:
        """Nothing came from nowhere, nothing went nowhere."""
        return self.packets_in == self.packets_out + self.drops


class ProtocolCounts(Record):
    """What one end of the store's protocol had to do beside sending and receiving; packets unless said otherwise."""

    process: str
    tx: int
    rx: int
    retransmitted: int
    """Fragments that were sent before."""
    timeouts: int
    """Waits that ended without news."""
    deadlines: int
    """Requests that ended without an answer."""
    restarts: int
    busy: int
    duplicates: int
    refused: dict[str, int] = Field(default_factory=dict)
    """What came and was not taken, by reason."""
    broken: dict[str, int] = Field(default_factory=dict)
    """What the transport broke off or could not send, by reason: no packets that came whole."""
    faults_out: dict[str, int] = Field(default_factory=dict)
    """What was done to its packets because faults were asked for, by kind."""
    faults_in: dict[str, int] = Field(default_factory=dict)


class PoolBalance(Record):
    """Packet buffers that a group had not given back at its end, and how many of them are known to be where."""

    process: str
    size: int
    in_use: int
    explained: dict[str, int] = Field(default_factory=dict)

    @property
    def balanced(self) -> bool:
        """Every buffer is back, or known to be somewhere."""
        return self.in_use == sum(self.explained.values())


class ProbeShift(Record):
    """The cache-line round trip between two CPUs before and after the trial, ns, and the change as a fraction."""

    host: str
    cpus: tuple[int, int]
    before_ns: float
    after_ns: float
    shift: float


class Load(Record):
    """How the system was loaded. Rates in messages/s; `asked` is 0 in a closed loop, `depth` in an open one."""

    loop: Literal["closed", "open", "unknown"] = "unknown"
    depth: int = 0
    asked: float = 0.0
    achieved: float = 0.0


class Percentiles(Record):
    """Round trips in ns, nearest rank among all packets sent; None is "not resolvable": fewer samples than a bracket
    of this percentile needs, or it falls among the lost.
    """

    p50_ns: int | None = None
    p90_ns: int | None = None
    p99_ns: int | None = None
    p999_ns: int | None = None
    p9999_ns: int | None = None
    min_ns: int | None = None
    max_ns: int | None = None


class TrialResult(Record):
    """The result of one trial, every number of which comes from the stored samples or the programs' own counters."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    n: int = 0
    """Samples: packets sent in the window that returned."""
    sent: int = 0
    lost: int = 0
    duplicates: int = 0
    reordered: int = 0
    corrupt: int = 0
    late: int = 0
    retransmits: int = 0
    latency: Percentiles = Percentiles()
    oneway: Percentiles | None = None
    """The way to the other end alone, of the same packets; only where a program measures it: both ends on one clock."""
    ops_per_s: float = 0.0
    """Messages of the window that returned, per second of the window."""
    window_actual_s: float = 0.0
    load: Load = Load()
    floor: bool = False
    """The generator against an echo within itself: what the tool adds by itself."""
    drivers: tuple[str, ...] = ()
    """What the programs say they drove, in their order, each once."""
    shares: tuple[Share, ...] = ()
    accounting: tuple[Accounting, ...] = ()
    generator_accounting: Accounting | None = None
    """The same of what the generator received, over any transport: a message (or record) of its run, whatever became of
    it; a probe's echo; or dropped.
    """
    protocol: tuple[ProtocolCounts, ...] = ()
    """Of every process that speaks the store's protocol, the generator too."""
    pools: tuple[PoolBalance, ...] = ()
    threads: tuple[ThreadReading, ...] = ()
    compared: int = 0
    """Captured packets that were compared, field by field, with what was sent."""
    compared_counts: tuple[str, ...] = ()
    """Whose packet counts were compared, one line each."""
    uncompared_counts: tuple[str, ...] = ()
    """Whose were not, and why."""
    probes: tuple[ProbeShift, ...] = ()
    verdicts: tuple[Verdict, ...] = ()

    @property
    def valid(self) -> bool:
        """Whether the numbers count."""
        return not any(verdict.invalid for verdict in self.verdicts)

    @property
    def verdict(self) -> str:
        """All verdicts' names in one line; `ok` if there is none."""
        return "; ".join(verdict.name for verdict in self.verdicts) or "ok"


class StoredTrial(Record):
    """trial.json."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    record: TrialRecord
    result: TrialResult
