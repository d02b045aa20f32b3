"""`invoke test` and `invoke bench`: the project's own checks, one after another, each with its name and its time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.commands.checkout import APPS, ROOT
from orchestrator.commands.progress import Progress
from orchestrator.errors import OrchestratorError, UsageError

C_BUILD = ROOT / "build" / "c-tests"


@dataclass(frozen=True)
class Check:
    """One step: a name and the commands that must all succeed."""

    name: str
    commands: tuple[tuple[str, ...], ...]


def _checks(*, unit_only: bool) -> list[Check]:
    python = sys.executable
    sources = sorted(str(path) for pattern in ("*.c", "*.h") for path in APPS.rglob(pattern))
    setup = ("meson", "setup", str(C_BUILD), str(APPS), "-Dtests=true", "-Db_sanitize=address,undefined")
    reuse = ("--reconfigure",) if (C_BUILD / "build.ninja").exists() else ()
    checks = [
        Check("ruff", ((python, "-m", "ruff", "check", "."), (python, "-m", "ruff", "format", "--check", "."))),
        Check("mypy", ((python, "-m", "mypy"),)),
        Check("import rules", ((str(Path(python).with_name("lint-imports")), "--no-cache"),)),
        Check("clang-format", (("clang-format", "--dry-run", "--Werror", *sources),)),
        Check(
            "C unit tests (ASan, UBSan)",
            ((*setup, *reuse), ("meson", "test", "-C", str(C_BUILD), "--print-errorlogs")),
        ),
        Check("unit tests", ((python, "-m", "pytest", "-q", "tests/unit"),)),
        Check("tests with processes on this machine", ((python, "-m", "pytest", "-q", "tests/process"),)),
    ]
    if not unit_only:
        checks.append(Check("testbed tests", ((python, "-m", "pytest", "-q", "--durations=15", "tests/testbed"),)))
    return checks


def test(*, unit_only: bool) -> None:
    """Run every check, also after one failed. Raises OrchestratorError naming those that failed."""
    progress = Progress()
    failed = []
    for check in _checks(unit_only=unit_only):
        progress.note(f"== {check.name}")
        begin = time.monotonic()
        if all(_succeeds(command) for command in check.commands):
            progress.note(f"   {time.monotonic() - begin:.1f} s")
        else:
            failed.append(check.name)
            progress.warn(f"== {check.name} failed")
    if failed:
        raise OrchestratorError(f"failed: {', '.join(failed)}", remedy="what each printed stands above")


def bench(only: str) -> None:
    """Run the benches of `bench/`, or one of them by name. Raises UsageError for a name that is not there."""
    benches = {path.stem.replace("_", "-"): path for path in sorted((ROOT / "bench").glob("bench_*.py"))}
    benches = {name.removeprefix("bench-"): path for name, path in benches.items()}
    if only and only not in benches:
        raise UsageError(f"there is no bench {only}", remedy=f"there are: {', '.join(benches)}")
    failed = [
        name for name, path in benches.items() if only in {"", name} and not _succeeds((sys.executable, str(path)))
    ]
    if failed:
        raise OrchestratorError(f"not reached: {', '.join(failed)}", remedy="the figures stand above")


def _succeeds(command: Sequence[str]) -> bool:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    try:
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == 0
    except FileNotFoundError:
        Progress().warn(f"{command[0]} is not installed; ./inv installs it")
        return False
