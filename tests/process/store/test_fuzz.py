"""A short run of each fuzz target from the corpus that is kept: nothing that was once reached may fail."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CORPUS = ROOT / "dpdk_apps" / "fuzz" / "corpus"
RUNS = 20_000


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the fuzz targets, built with clang."""
    compiler = shutil.which("clang")
    if compiler is None:
        pytest.skip("clang is not installed")
    build = tmp_path_factory.mktemp("fuzz")
    setup = ["meson", "setup", str(build), str(ROOT / "dpdk_apps"), "-Dfuzz=true", "-Ddpdk=disabled"]
    names = ["fuzz/fuzz_fuse_request", "fuzz/fuzz_executor"]
    for command in (setup, ["ninja", "-C", str(build), *names]):
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "CC": compiler})
        assert done.returncode == 0, done.stdout + done.stderr
    return build / "fuzz"


@pytest.mark.parametrize("name", ["fuse_request", "executor"])
def test_nothing_is_found(targets: Path, tmp_path: Path, name: str) -> None:
    if name == "executor" and os.geteuid() != 0:
        pytest.skip("needs root: it mounts")
    # New inputs go to the first folder, crashes to the working one: the corpus stays as it is.
    found = tmp_path / "found"
    found.mkdir()
    done = subprocess.run(
        [str(targets / f"fuzz_{name}"), f"-runs={RUNS}", "-seed=1", "-max_len=1024", str(found), str(CORPUS / name)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert f"Done {RUNS} runs" in done.stderr
