"""fio as a process of a trial: our samples and statistics from its log, on a file of this machine."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from orchestrator.apps.store_params import Engine, MeasureParams, Op, StoreFioParams
from orchestrator.results.samples import read_recorder
from orchestrator.results.stats import read_stats

DEADLINE_S = 30
WITHIN = 0.02
"""fio's own percentiles come from bins as wide as that."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """On a tmpfs: of the disk nothing is to be learned here."""
    made = Path("/dev/shm/dporch-test-fio")
    made.mkdir()
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="session")
def store_fio(built: Callable[[str], Path]) -> Path:
    if shutil.which("fio") is None:
        pytest.skip("fio is not installed")
    return built("store/fio/store_fio")


def argv(program: Path, folder: Path, **changed: object) -> list[str]:
    op: Op = "read"
    engine: Engine = "psync"
    params = {
        "file": str(folder / "data"),
        "size": 4096,
        "file_mb": 4,
        "op": op,
        "depth": 1,
        "engine": engine,
        "measure": MeasureParams(warmup_s=0.1, window_s=0.3, samples=str(folder / "fio.samples.bin")),
        "stats": str(folder / "fio.stats.json"),
        "json": str(folder / "fio.json"),
        **changed,
    }
    words = StoreFioParams.argv(StoreFioParams(**params))  # type: ignore[arg-type]
    return [str(program), *(word for word in words if word != "--linger")]


def run(program: Path, folder: Path, **changed: object) -> subprocess.CompletedProcess[str]:
    command = argv(program, folder, **changed)
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)


@pytest.mark.parametrize(
    ("op", "engine", "depth", "direction"),
    [("read", "psync", 1, "read"), ("write", "psync", 1, "write"), ("read", "io_uring", 8, "read")],
)
def test_samples_are_what_fio_says(
    store_fio: Path, folder: Path, op: str, engine: str, depth: int, direction: str
) -> None:
    done = run(store_fio, folder, op=op, engine=engine, depth=depth)
    assert done.returncode == 0, done.stderr
    assert "@ready" in done.stdout
    said = json.loads((folder / "fio.json").read_text())["jobs"][0][direction]
    samples = read_recorder(folder / "fio.samples.bin")
    # What was in flight when the ramp time ended is in fio's log, but not in its sum.
    assert said["total_ios"] > 100
    assert 0 <= len(samples) - said["total_ios"] < depth
    p50 = said["lat_ns"]["percentile"]["50.000000"]
    assert np.median(samples.returned) == pytest.approx(p50, rel=WITHIN)
    assert (np.diff(samples.send_ns.astype(np.int64)) >= 0).all()
    stats = read_stats(folder / "fio.stats.json")
    assert stats is not None
    assert (stats.sent, stats.returned, stats.lost) == (len(samples), len(samples), 0)
    assert (stats.loop, stats.depth) == ("closed", depth)
    assert stats.window_actual_s == pytest.approx(0.3, abs=0.1)
    assert sorted(path.name for path in folder.iterdir()) == ["data", "fio.json", "fio.samples.bin", "fio.stats.json"]


def test_both_directions_are_in_one_distribution(store_fio: Path, folder: Path) -> None:
    assert run(store_fio, folder, op="mixed", write_percent=25).returncode == 0
    job = json.loads((folder / "fio.json").read_text())["jobs"][0]
    reads, writes = job["read"]["total_ios"], job["write"]["total_ios"]
    assert len(read_recorder(folder / "fio.samples.bin")) == reads + writes
    assert writes / (reads + writes) == pytest.approx(0.25, abs=0.05)


def test_the_file_is_filled_before_it_is_read(store_fio: Path, folder: Path) -> None:
    assert run(store_fio, folder, file_mb=2).returncode == 0
    data = np.frombuffer((folder / "data").read_bytes(), dtype=np.uint64)
    assert len(data) * 8 == 2 << 20
    assert len(np.unique(data)) == len(data)


def test_a_file_that_cannot_be_made_is_one_clear_line(store_fio: Path, folder: Path) -> None:
    done = run(store_fio, folder, file=str(folder / "nowhere" / "data"))
    assert done.returncode == 1
    assert "cannot make --file" in done.stderr
    assert "No such file" in done.stderr
    assert "@ready" not in done.stdout


def test_fio_that_fails_is_told_with_its_code(store_fio: Path, folder: Path) -> None:
    (folder / "data").mkdir()
    done = run(store_fio, folder)
    assert done.returncode == 1
    assert "cannot make --file" in done.stderr


def test_why_fio_failed_is_one_clear_line(store_fio: Path, folder: Path) -> None:
    full = folder / "full"
    full.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(full)], check=True)
    try:
        with (full / "data").open("wb") as file:
            file.truncate(4 << 20)
        done = run(store_fio, folder, op="write", file=str(full / "data"))
    finally:
        subprocess.run(["umount", str(full)], check=True)
    assert done.returncode == 1
    # fio's own lines stand before it.
    ours = [line for line in done.stderr.splitlines() if line.startswith("store_fio: ")]
    assert len(ours) == 1
    assert "fio ended with code 1" in ours[0]
    assert "No space left on device" in ours[0]
    assert not (folder / "fio.stats.json").exists()


def test_without_fio_the_line_says_what_to_install(store_fio: Path, folder: Path) -> None:
    command = argv(store_fio, folder)
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=DEADLINE_S, check=False, env={"PATH": str(folder)}
    )
    assert done.returncode == 1
    assert "install the package fio" in done.stderr


def test_psync_has_one_in_flight(store_fio: Path, folder: Path) -> None:
    done = run(store_fio, folder, depth=4)
    assert done.returncode == 2
    assert "io_uring" in done.stderr
