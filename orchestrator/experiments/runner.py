"""The order of trials: block after block, what was measured delivered at once, and when to give up.

A fault of one trial does not end the run, three in a row do: then something is wrong with the testbed, not the trial.
Trials that were spoilt by what has nothing to do with their outcome (a virtual machine that was moved) run once more at
the end, so that rows keep the number of trials that they need; the spoilt ones stay in the results, with their verdict.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from orchestrator.experiments.planner import TRIAL_OVERHEAD_S
from orchestrator.experiments.records import Plan, PlannedTrial, TrialRecord
from orchestrator.experiments.trial import TrialRunner

FAULTS_IN_A_ROW = 3
REPEATS = 0.25
"""Trials that may run once more, as a fraction of those that were planned."""


class Observer(Protocol):
    """Who watches a run. Called between trials only: in a window the controller sleeps."""

    def trial_begins(self, trial: PlannedTrial, index: int, total: int, left_s: float) -> None:
        """Trial `index` (from 0) of `total` begins; the run is expected to need `left_s` more."""

    def trial_ended(self, record: TrialRecord) -> None:
        """A trial has been delivered."""


@dataclass(frozen=True)
class RunOutcome:
    """What a run came to."""

    records: tuple[TrialRecord, ...]
    gave_up: bool

    @property
    def faults(self) -> tuple[str, ...]:
        """The lines of the trials that failed, without repetitions."""
        return tuple(dict.fromkeys(record.fault for record in self.records if record.fault))


def run_trials(
    plan: Plan,
    runner: TrialRunner,
    deliver: Callable[[TrialRecord], None],
    observer: Observer,
    spoilt: Callable[[TrialRecord], bool] = lambda _: False,
) -> RunOutcome:
    """Run all trials of `plan` in its order, then those again that were `spoilt`, as far as a quarter more goes.

    `deliver` gets each record as soon as its files are collected. HostUnreachable and KeyboardInterrupt pass through,
    after the record of the trial that they hit was delivered.
    """
    records: list[TrialRecord] = []
    in_a_row = 0
    begin = time.monotonic()
    queue = list(plan.trials)
    most = len(queue) + int(len(queue) * REPEATS)
    for index, trial in enumerate(queue):  # it grows while it is worked off
        expected = [trial.warmup_s + trial.window_s for trial in queue]
        observer.trial_begins(trial, index, len(queue), _left(expected, index, time.monotonic() - begin))
        record = runner.run(trial, index, deliver)
        records.append(record)
        observer.trial_ended(record)
        if spoilt(record) and len(queue) < most:
            queue.append(again(trial))
        in_a_row = in_a_row + 1 if record.fault else 0
        if in_a_row >= FAULTS_IN_A_ROW:
            return RunOutcome(tuple(records), gave_up=True)
    return RunOutcome(tuple(records), gave_up=False)


def again(trial: PlannedTrial) -> PlannedTrial:
    """The same trial under a key of its own."""
    key = hashlib.sha256(f"again {trial.key}".encode()).hexdigest()[: len(trial.key)]
    processes = tuple(
        process.model_copy(
            update={
                "argv": tuple(word.replace(trial.key, key) for word in process.argv),
                "file_prefix": process.file_prefix.replace(trial.key, key),
                "folders": tuple(folder.replace(trial.key, key) for folder in process.folders),
            }
        )
        for process in trial.processes
    )
    return trial.model_copy(update={"key": key, "processes": processes})


def _left(expected: list[float], done: int, elapsed: float) -> float:
    """Seconds left: windows still to come, and for what is around them the mean of the trials so far."""
    around = (elapsed - sum(expected[:done])) / done if done else TRIAL_OVERHEAD_S
    return sum(expected[done:]) + max(around, 0.0) * (len(expected) - done)
