"""`invoke fuzz`: what it makes of a target's run. The targets themselves are run in tests/process."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.commands import fuzz as fuzzing
from orchestrator.errors import CommandFailed, OrchestratorError, UsageError

STATISTICS = "echo 'stat::number_of_executed_units: 1234' >&2"


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in the place of a built target; the text of its shell script is to be written."""
    program = tmp_path / "build" / "fuzz" / "fuzz_store_server"
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    monkeypatch.setattr(fuzzing, "BUILD", tmp_path / "build")
    monkeypatch.setattr(fuzzing, "CORPUS", tmp_path / "corpus")
    monkeypatch.setattr(fuzzing, "build", lambda folder, names: None)
    (tmp_path / "corpus" / "store_server").mkdir(parents=True)
    (tmp_path / "corpus" / "store_server" / "old").touch()
    return program


def run(target: Path, script: str, *, keep_new: bool = False, runs: int | None = 5) -> str:
    target.write_text(f"#!/bin/sh\n{script}\n")
    return fuzzing.fuzz("store_server", minutes=None, runs=runs, keep_new=keep_new)


def test_what_it_went_through_is_told(target: Path) -> None:
    table = run(target, f'echo "$@" > {target.parent}/asked; {STATISTICS}')
    assert table.splitlines()[1].split()[:2] == ["store_server", "1234"]
    asked = (target.parent / "asked").read_text().split()
    assert "-runs=5" in asked
    assert asked[-2:] == [str(fuzzing.BUILD / "grown/store_server"), str(fuzzing.CORPUS / "store_server")]


def test_a_finding_fails_and_is_named(target: Path) -> None:
    script = f"{STATISTICS}; touch {fuzzing.BUILD}/found/store_server/crash-1; exit 77"
    with pytest.raises(OrchestratorError, match=r"found: .*found/store_server/crash-1 - each is repeated by"):
        run(target, script)
    # An old one is no finding of this run.
    run(target, STATISTICS)


def test_a_target_that_cannot_run_is_no_finding(target: Path) -> None:
    with pytest.raises(CommandFailed, match="fuzz_store_server: ended with 1 and left no input:\nneeds root"):
        run(target, "echo needs root >&2; exit 1")


def test_what_is_new_is_kept_where_asked_for(target: Path) -> None:
    merge = 'if [ "$1" = -merge=1 ]; then touch "$3/new"; fi'
    kept = fuzzing.CORPUS / "store_server"
    run(target, f"{STATISTICS}; {merge}")
    assert [path.name for path in kept.iterdir()] == ["old"]
    assert run(target, f"{STATISTICS}; {merge}", keep_new=True).splitlines()[1].split()[4] == "1"
    assert sorted(path.name for path in kept.iterdir()) == ["new", "old"]


def test_what_cannot_be_meant_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no fuzz target stor - there are: .*executor, .*store_server"):
        fuzzing.fuzz("stor", minutes=1, runs=None, keep_new=False)
    with pytest.raises(UsageError, match="give one of them"):
        fuzzing.fuzz("executor", minutes=1, runs=5, keep_new=False)


def test_every_target_has_a_corpus() -> None:
    for name in fuzzing.targets():
        assert any((fuzzing.CORPUS / name).iterdir()), name
