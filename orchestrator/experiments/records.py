"""The records of an experiment, as they stand on disk: the plan, and what the runner saw of each trial.

All times are in seconds unless a name says otherwise. `schema` grows when a field changes its meaning.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from orchestrator.apps.process import PlannedProcess

ParameterValue = bool | int | float | str


class Record(BaseModel):
    """Base of everything that is written as JSON: frozen, unknown keys are an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class CpuPair(Record):
    """Two CPUs of one kernel between which a cache line is bounced before and after a trial."""

    host: str
    cpus: tuple[int, int]


class PlannedTrial(Record):
    """One trial: a row of the summary, in one block, with every process resolved.

    `row` is equal for the trials of one row of `summary.csv`; `key` is unique and names the trial's folder.
    """

    key: str
    row: str
    block: int
    scenario: str
    transport: str
    link: str
    driver: str
    params: dict[str, ParameterValue]
    warmup_s: float
    window_s: float
    oversubscribed: bool
    """Two processes share a CPU of a host (or of hosts that share one kernel)."""
    processes: tuple[PlannedProcess, ...]
    probes: tuple[CpuPair, ...]


class Plan(Record):
    """Everything that a run will do, known before a host is touched."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    experiment: str
    scenario: str
    seed: int
    source_digest: str
    hosts: tuple[str, ...]
    trials: tuple[PlannedTrial, ...]
    estimated_s: float
    left_out: tuple[str, ...] = ()
    """Why combinations of values that the user asked for are in no row, one line each."""


class ProbeReading(Record):
    """The median round trip of a cache line between two CPUs, in nanoseconds."""

    host: str
    cpus: tuple[int, int]
    round_trip_ns: float


class ProcessOutcome(Record):
    """How a process of a trial ended. `reason` as in `remote.protocol.ExitStatus`; `ready_s` from its start."""

    name: str
    host: str
    exit_code: int
    reason: str
    ready_s: float
    seconds: float


class TrialRecord(Record):
    """What the runner saw of a trial. The files of the processes lie beside it, in one folder per host."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    trial: PlannedTrial
    index: int
    """Position in the order of execution, from 0."""
    started_utc: str
    phases: dict[str, float]
    """Wall time by phase: probe_before, start, window, stop, probe_after, collect."""
    probes_before: tuple[ProbeReading, ...] = ()
    probes_after: tuple[ProbeReading, ...] = ()
    processes: tuple[ProcessOutcome, ...] = ()
    fault: str = ""
    """The one line that says what went wrong, naming host and process; empty for a trial that went its way."""
