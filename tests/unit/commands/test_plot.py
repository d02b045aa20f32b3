"""`invoke plot` on a result that has nothing to draw."""

from __future__ import annotations

from pathlib import Path

import pytest
from synthetic_experiment import SERIES, Synthetic, write_experiment

from orchestrator.commands.reporting import plot
from orchestrator.errors import UsageError

TRIALS = 2 * len(SERIES)


@pytest.fixture
def result(tmp_path: Path) -> Path:
    """A run of which every trial died."""
    what = Synthetic(blocks=1, seconds=0.02, died=frozenset(range(TRIALS)))
    return write_experiment(tmp_path, what).folder.root


def test_a_result_without_trials_is_said_to_have_none(result: Path) -> None:
    stored = list(result.glob("trials/*/trial.json"))
    assert len(stored) == TRIALS
    for record in stored:
        record.unlink()
    with pytest.raises(UsageError, match=r"there is nothing to draw: it has no trials - see .*/ledger.jsonl") as told:
        plot(str(result))
    assert str(told.value).startswith(str(result))


def test_a_result_whose_trials_measured_nothing_is_said_to_be_so(result: Path) -> None:
    with pytest.raises(UsageError, match="there is nothing to draw: no trial of it measured anything"):
        plot(str(result))
