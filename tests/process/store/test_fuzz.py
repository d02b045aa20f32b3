"""A short run of each fuzz target from the corpus that is kept: nothing that was once reached may fail."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from orchestrator.commands.fuzz import CORPUS, build, run_target, targets

RUNS = {"fuse_request": 200_000}
FEWER_RUNS = 20_000


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the fuzz targets were built in."""
    if shutil.which("clang") is None:
        pytest.skip("clang is not installed")
    folder = tmp_path_factory.mktemp("fuzz")
    build(folder, targets())
    return folder


@pytest.mark.parametrize("name", targets())
def test_nothing_is_found(built: Path, name: str) -> None:
    if name == "executor" and os.geteuid() != 0:
        pytest.skip("needs root: it mounts")
    runs = RUNS.get(name, FEWER_RUNS)
    kept = sorted(CORPUS.joinpath(name).iterdir())
    fuzzed = run_target(built, name, f"-runs={runs}", "-seed=1")
    assert fuzzed.findings == ()
    assert fuzzed.executions >= runs
    assert sorted(CORPUS.joinpath(name).iterdir()) == kept
