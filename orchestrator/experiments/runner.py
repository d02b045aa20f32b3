"""The order of trials: block after block, what was measured delivered at once, and when to give up.

A fault of one trial does not end the run, three in a row do: then something is wrong with the testbed, not the trial.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from orchestrator.experiments.planner import TRIAL_OVERHEAD_S
from orchestrator.experiments.records import Plan, PlannedTrial, TrialRecord
from orchestrator.experiments.trial import TrialRunner

FAULTS_IN_A_ROW = 3


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
    plan: Plan, runner: TrialRunner, deliver: Callable[[TrialRecord], None], observer: Observer
) -> RunOutcome:
    """Run all trials of `plan` in its order.

    `deliver` gets each record as soon as its files are collected. HostUnreachable and KeyboardInterrupt pass through,
    after the record of the trial that they hit was delivered.
    """
    records: list[TrialRecord] = []
    in_a_row = 0
    begin = time.monotonic()
    expected = [trial.warmup_s + trial.window_s for trial in plan.trials]
    for index, trial in enumerate(plan.trials):
        observer.trial_begins(trial, index, len(plan.trials), _left(expected, index, time.monotonic() - begin))
        record = runner.run(trial, index, deliver)
        records.append(record)
        observer.trial_ended(record)
        in_a_row = in_a_row + 1 if record.fault else 0
        if in_a_row >= FAULTS_IN_A_ROW:
            return RunOutcome(tuple(records), gave_up=True)
    return RunOutcome(tuple(records), gave_up=False)


def _left(expected: list[float], done: int, elapsed: float) -> float:
    """Seconds left: windows still to come, and for what is around them the mean of the trials so far."""
    around = (elapsed - sum(expected[:done])) / done if done else TRIAL_OVERHEAD_S
    return sum(expected[done:]) + max(around, 0.0) * (len(expected) - done)
